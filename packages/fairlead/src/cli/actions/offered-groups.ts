import { join } from 'node:path'
import { configuredExecutors, loadExecutorClass, loadModule, type ConfiguredExecutor } from '@fairlead/core/client'
import type { ExecutorCommand, ExecutorCommandGroup } from '@fairlead/executor'
import { builtInExecutors, DEFAULT_EXECUTOR } from '../../built-in-executors.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import type { Terminal } from '../terminal.ts'

/** What one word after `fairlead` means, by the executors that are configured. */
export type OfferedGroup =
  | {
      readonly kind: 'group'
      readonly name: string
      readonly description: string
      readonly commands: readonly ExecutorCommand[]
      /** The instances of the class that offers it, in the order of the configuration. */
      readonly executors: readonly ConfiguredExecutor[]
    }
  /** Several classes offer it: typing it says so. */
  | {
      readonly kind: 'conflict'
      readonly name: string
      readonly problem: string
      readonly executors: readonly ConfiguredExecutor[]
    }

/** The groups that were found, and what was left out with the reason. */
export interface OfferedGroups {
  readonly groups: readonly OfferedGroup[]
  readonly problems: readonly string[]
}

/** A group, and who offers it. */
interface Offer {
  readonly group: ExecutorCommandGroup
  readonly executorClass: { readonly name: string }
  readonly executors: ConfiguredExecutor[]
}

/** Asks the class of each configured executor for its commands. Never throws: a failure is a problem to be told. */
export async function offeredGroups(terminal: Terminal, own: readonly string[]): Promise<OfferedGroups> {
  const problems: string[] = []
  const offers: Offer[] = []
  for (const executor of await configured(terminal, problems)) {
    try {
      await collect(executor, terminal, offers)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  const names = [...new Set(offers.map(({ group }) => group.name))]
  const groups = names.flatMap((name): OfferedGroup[] => {
    const rivals = offers.filter(({ group }) => group.name === name)
    const [only, ...more] = rivals
    if (only === undefined) return []
    if (own.includes(name)) {
      problems.push(
        `The command group "${name}" of ${titles(rivals)} is not added: "${name}" is a command of Fairlead's own. Rename it in getCliCommands().`,
      )
      return []
    }
    const executors = rivals.flatMap((offer) => offer.executors)
    if (more.length === 0) return [{ kind: 'group', ...only.group, executors }]
    const problem =
      `The command group "${name}" is offered by ${titles(rivals)}, so it means neither. ` +
      'Rename it in getCliCommands() of one of the classes, or configure one of them alone.'
    problems.push(problem)
    return [{ kind: 'conflict', name, problem, executors }]
  })
  return { groups, problems }
}

async function configured(terminal: Terminal, problems: string[]): Promise<readonly (ConfiguredExecutor & Place)[]> {
  try {
    const config = await loadConfiguration(terminal)
    const cacheFolder = join(config.paths.home, 'cache')
    return configuredExecutors(config, DEFAULT_EXECUTOR).map((executor) => ({ ...executor, cacheFolder }))
  } catch (error) {
    problems.push(`The commands of executors could not be looked for: ${messageOf(error)}`)
    return []
  }
}

interface Place {
  readonly cacheFolder: string
}

async function collect(executor: ConfiguredExecutor & Place, { cwd }: Terminal, offers: Offer[]): Promise<void> {
  const executorClass = await loadExecutorClass(executor, {
    builtIn: builtInExecutors,
    loadModule: (name) => loadModule(name, { cwd, cacheFolder: executor.cacheFolder }),
  })
  for (const group of groupsOf(executorClass, executor)) {
    const same = offers.find((offer) => offer.executorClass === executorClass && offer.group.name === group.name)
    if (same === undefined) offers.push({ group, executorClass, executors: [executor] })
    else same.executors.push(executor)
  }
}

function groupsOf(
  executorClass: { readonly name: string; getCliCommands?(): readonly ExecutorCommandGroup[] },
  { name }: ConfiguredExecutor,
): readonly ExecutorCommandGroup[] {
  try {
    const groups = executorClass.getCliCommands?.() ?? []
    for (const group of groups) for (const word of [group, ...group.commands]) refuseWord(word.name)
    return groups
  } catch (error) {
    throw new Error(`The commands of executor "${name}" (${executorClass.name}) are not added: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function refuseWord(word: unknown): void {
  if (typeof word === 'string' && /^[a-z][\w-]*$/.test(word)) return
  throw new Error(`"${String(word)}" cannot be the name of a command: it takes letters, digits, "-" and "_".`)
}

function titles(offers: readonly Offer[]): string {
  return offers
    .map(({ executors, executorClass }) => {
      const names = executors.map(({ name }) => `"${name}"`).join(', ')
      return `executor ${names} (${executorClass.name})`
    })
    .join(' and ')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
