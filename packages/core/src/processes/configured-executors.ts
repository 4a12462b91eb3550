import { ConfigError, nearestName, type Config, type ExecutorEntry } from '../config/index.ts'
import { formatExecutorReference, parseExecutorNames, type ExecutorReference } from '../model/executor-names.ts'

/** One configured executor instance. */
export interface ConfiguredExecutor {
  /** The name that tasks use; unique. */
  readonly name: string
  readonly reference: ExecutorReference
  readonly parallelism: number
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * The executors in order, the default first. The text `core.executor` names entries of the map or executors; where it is
 * empty every entry of the map counts, and where there is no map either, the given built-in one.
 */
export function configuredExecutors(config: Config, builtIn: string): readonly ConfiguredExecutor[] {
  const { parallelism } = config.core
  const names = Object.keys(config.executors)
  const text = config.core.executor.trim() === '' ? names.join(',') || builtIn : config.core.executor
  return parseExecutorNames(text).map(({ name, reference }) => {
    const entry = entryOf(config, reference)
    if (entry === undefined) return { name, reference, parallelism, settings: {} }
    return {
      name,
      reference: referenceOf(entry.executor, name),
      parallelism: entry.parallelism ?? parallelism,
      settings: entry.settings ?? {},
    }
  })
}

function entryOf({ executors }: Config, reference: ExecutorReference): ExecutorEntry | undefined {
  if (reference.kind !== 'shortName' || !Object.hasOwn(executors, reference.shortName)) return undefined
  return executors[reference.shortName]
}

function referenceOf(text: string, name: string): ExecutorReference {
  const [only, ...more] = parseExecutorNames(text)
  if (only === undefined || more.length > 0) {
    throw new ConfigError(`executors.${name}.executor must name one executor, and is "${text}". Give each entry one.`)
  }
  return only.reference
}

/** The error for a short name that nobody offers. */
export function unknownExecutor(executor: ConfiguredExecutor, known: readonly string[]): ConfigError {
  const text = formatExecutorReference(executor.reference)
  const nearest = nearestName(text, known)
  const hint = nearest === null ? '' : ` Did you mean "${nearest}"?`
  return new ConfigError(`There is no executor "${text}".${hint} Others are named by \`module#Class\`.`)
}
