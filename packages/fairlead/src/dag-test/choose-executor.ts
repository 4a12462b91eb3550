import {
  configuredExecutors,
  loadExecutors,
  loadModule,
  type Config,
  type ConfiguredExecutor,
  type LoadedExecutor,
} from '@fairlead/core'
import type { TestableExecutor } from '@fairlead/sdk'
import type { AuthoredDag } from '@fairlead/sdk/runtime'
import { join } from 'node:path'
import { builtInExecutors, DEFAULT_EXECUTOR, loadInProcessExecutor, type InProcessDag } from '../built-in-executors.ts'

/** The one executor of a test run. */
export interface ChosenExecutor {
  readonly executor: LoadedExecutor
  /** True when handlers are called in this very process. */
  readonly isInProcess: boolean
}

/** What choosing takes. */
export interface ChoosingFrom {
  readonly dag: AuthoredDag
  readonly watcher: Pick<InProcessDag, 'logOf'>
  readonly config: Config
  readonly cwd: string
}

/** Loads the executor that a test asks for, by the way that any other takes; in this process when it asks for none. */
export async function chooseExecutor(
  wanted: string | TestableExecutor | undefined,
  from: ChoosingFrom,
): Promise<ChosenExecutor> {
  if (wanted === undefined) {
    const inProcessExecutor = await loadInProcessExecutor()
    const executorClass = inProcessExecutor({ dag: from.dag, logOf: (taskId) => from.watcher.logOf(taskId) })
    return {
      executor: await loadOne(ownClass(executorClass, 'in-process', from), executorClass, from),
      isInProcess: true,
    }
  }
  if (typeof wanted === 'string') {
    return { executor: await loadOne(namedExecutor(wanted, from.config), null, from), isInProcess: false }
  }
  return { executor: await loadOne(ownClass(wanted, wanted.name, from), wanted, from), isInProcess: false }
}

/** A configured executor of that name, or else what the text names by itself. */
function namedExecutor(text: string, config: Config): ConfiguredExecutor {
  const configured = configuredExecutors(config, DEFAULT_EXECUTOR).find(({ name }) => name === text)
  if (configured !== undefined) return configured
  const alone = { ...config, core: { ...config.core, executor: text }, executors: {} }
  const [named, ...more] = configuredExecutors(alone, DEFAULT_EXECUTOR)
  if (named !== undefined && more.length === 0) return named
  throw new Error(`A test runs through one executor, and "${text}" names several. Name one.`)
}

function ownClass(executorClass: TestableExecutor, name: string, { config }: ChoosingFrom): ConfiguredExecutor {
  const reference = { kind: 'module', module: 'dag.test()', exportName: executorClass.name } as const
  return { name, reference, parallelism: config.core.parallelism, settings: {} }
}

async function loadOne(
  configured: ConfiguredExecutor,
  executorClass: TestableExecutor | null,
  { config, cwd }: ChoosingFrom,
): Promise<LoadedExecutor> {
  const place = { cwd, cacheFolder: join(config.paths.home, 'cache') }
  const [loaded] = await loadExecutors([configured], {
    builtIn: builtInExecutors,
    loadModule: async (name) =>
      executorClass === null ? loadModule(name, place) : { [executorClass.name]: executorClass },
  })
  if (loaded === undefined) throw new Error(`Executor "${configured.name}" was not loaded.`)
  return loaded
}
