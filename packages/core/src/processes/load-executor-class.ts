import { checkExecutorClass, type ExecutorClass } from '@fairlead/executor'
import { ConfigError } from '../config/index.ts'
import { formatExecutorReference } from '../model/executor-names.ts'
import { messageOf } from '../model/message-of.ts'
import { unknownExecutor, type ConfiguredExecutor } from './configured-executors.ts'

/** How classes are found: the built-in ones by short name, others by module. */
export interface ExecutorSource {
  readonly builtIn: Readonly<Record<string, () => Promise<unknown>>>
  loadModule(name: string): Promise<Record<string, unknown>>
}

/** The class of a configured executor. A failure names the executor, what was looked for, and what to do. */
export async function loadExecutorClass(executor: ConfiguredExecutor, source: ExecutorSource): Promise<ExecutorClass> {
  const candidate = await loadExport(executor, source)
  try {
    checkExecutorClass(candidate)
  } catch (cause) {
    throw failure(executor, `is no executor of this Fairlead: ${clauseOf(cause)}`, cause)
  }
  return candidate
}

async function loadExport(executor: ConfiguredExecutor, source: ExecutorSource): Promise<unknown> {
  const { reference } = executor
  if (reference.kind === 'shortName') {
    const load = Object.hasOwn(source.builtIn, reference.shortName) ? source.builtIn[reference.shortName] : undefined
    if (load === undefined) throw unknownExecutor(executor, Object.keys(source.builtIn))
    return await orFailure(executor, load)
  }
  const exported = await orFailure(executor, () => source.loadModule(reference.module))
  if (Object.hasOwn(exported, reference.exportName)) return exported[reference.exportName]
  throw failure(executor, `could not be loaded: ${missingExport(reference, exported)}`)
}

async function orFailure<T>(executor: ConfiguredExecutor, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw failure(executor, `could not be loaded: ${clauseOf(cause)}. Check that it is installed and spelt so`, cause)
  }
}

function missingExport({ module, exportName }: { module: string; exportName: string }, exported: object): string {
  const names = Object.keys(exported)
  const classes = names.filter((name) => name !== 'default' && name !== 'module.exports')
  if (classes.length === 0 && names.includes('default')) {
    return (
      `"${module}" exports no "${exportName}", and its class by default. ` +
      `Name it "${exportName}:${module}#default", or export it by its name`
    )
  }
  const others = classes.length === 0 ? 'nothing' : classes.map((name) => `"${name}"`).join(', ')
  return `"${module}" exports no "${exportName}"; it exports ${others}. Correct the name after "#"`
}

function failure({ name, reference }: ConfiguredExecutor, what: string, cause?: unknown): ConfigError {
  const text = formatExecutorReference(reference)
  return new ConfigError(
    `Executor "${name}" (${text}) ${what.replace(/\.$/, '')}. It is configured by core.executor or executors.${name}.`,
    { cause },
  )
}

/** What was thrown, without the stop at its end. */
function clauseOf(thrown: unknown): string {
  return messageOf(thrown).replace(/\.$/, '')
}
