import { capabilitiesOf, type ExecutorClass } from '@fairlead/executor'
import { ConfigError } from '../config/index.ts'
import { validateValue } from '../dispatch/validate-value.ts'
import { findableNames } from '../model/findable-names.ts'
import type { ConfiguredExecutor } from './configured-executors.ts'
import { loadExecutorClass, type ExecutorSource } from './load-executor-class.ts'

/** An executor whose class was loaded and whose settings were validated. */
export interface LoadedExecutor extends ConfiguredExecutor {
  readonly executorClass: ExecutorClass
  /** By what else a Dag may name it. */
  readonly otherNames: readonly string[]
}

/** Loads the class of each configured executor and checks its settings. */
export async function loadExecutors(
  configured: readonly ConfiguredExecutor[],
  source: ExecutorSource,
): Promise<readonly LoadedExecutor[]> {
  const loaded: Omit<LoadedExecutor, 'otherNames'>[] = []
  for (const executor of configured) {
    const executorClass = await loadExecutorClass(executor, source)
    loaded.push({ ...executor, executorClass, settings: await validSettings(executor, executorClass) })
  }
  const names = findableNames(loaded.map((one) => ({ ...one, className: one.executorClass.name })))
  const otherNamesOf = (name: string): string[] =>
    [...names].filter(([, owner]) => owner === name).map(([other]) => other)
  return loaded.map((one) => ({ ...one, otherNames: otherNamesOf(one.name) }))
}

/** Which executor is meant by each name that a Dag may use for it beside its own. */
export function otherNamesOf(executors: readonly LoadedExecutor[]): ReadonlyMap<string, string> {
  return new Map(executors.flatMap(({ name, otherNames }) => otherNames.map((other) => [other, name] as const)))
}

async function validSettings(
  { name, settings }: ConfiguredExecutor,
  executorClass: ExecutorClass,
): Promise<Readonly<Record<string, unknown>>> {
  const { configSchema } = capabilitiesOf(executorClass)
  if (configSchema === null) return settings
  const checked = await validateValue(configSchema, settings)
  if (checked.kind === 'valid') return checked.value as Readonly<Record<string, unknown>>
  throw new ConfigError(
    `The settings of executor "${name}" are not valid: ${checked.problem}. Correct executors.${name}.settings.`,
  )
}
