import { checkExecutorClass, type ExecutorClass, type StandardResult } from '@fairlead/executor'
import { ConfigError } from '../config/index.ts'
import { formatExecutorReference } from '../model/executor-names.ts'
import { unknownExecutor, type ConfiguredExecutor } from './configured-executors.ts'

/** An executor whose class was loaded and whose settings were validated. */
export interface LoadedExecutor extends ConfiguredExecutor {
  readonly executorClass: ExecutorClass
}

/** How classes are found: the built-in ones by short name, others by module. */
export interface ExecutorSource {
  readonly builtIn: Readonly<Record<string, () => Promise<unknown>>>
  loadModule(name: string): Promise<Record<string, unknown>>
}

/** Loads the class of each configured executor and checks its settings. */
export async function loadExecutors(
  configured: readonly ConfiguredExecutor[],
  source: ExecutorSource,
): Promise<readonly LoadedExecutor[]> {
  const loaded: LoadedExecutor[] = []
  for (const executor of configured) {
    const executorClass = await loadClass(executor, source)
    checkExecutorClass(executorClass)
    loaded.push({ ...executor, executorClass, settings: await validSettings(executor, executorClass) })
  }
  return loaded
}

async function loadClass(executor: ConfiguredExecutor, source: ExecutorSource): Promise<unknown> {
  const { reference, name } = executor
  if (reference.kind === 'shortName') {
    const load = source.builtIn[reference.shortName]
    if (load === undefined) throw unknownExecutor(executor, Object.keys(source.builtIn))
    return load()
  }
  const text = formatExecutorReference(reference)
  try {
    const found = (await source.loadModule(reference.module))[reference.exportName]
    if (found !== undefined) return found
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(
      `Executor "${name}" (${text}) could not be loaded: ${why}. Check core.executor and that it is installed.`,
      {
        cause,
      },
    )
  }
  throw new ConfigError(
    `Executor "${name}": "${reference.module}" exports no "${reference.exportName}". Check core.executor.`,
  )
}

async function validSettings(
  { name, settings }: ConfiguredExecutor,
  { configSchema }: ExecutorClass,
): Promise<Readonly<Record<string, unknown>>> {
  if (configSchema === null) return settings
  const result: StandardResult = await configSchema['~standard'].validate(settings)
  if (result.issues === undefined) return result.value as Readonly<Record<string, unknown>>
  const issues = result.issues.map(({ path = [], message }) => {
    const key = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return key === '' ? message : `${key}: ${message}`
  })
  throw new ConfigError(
    `The settings of executor "${name}" are not valid: ${issues.join('; ')}. Correct executors.${name}.settings.`,
  )
}
