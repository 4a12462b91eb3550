import { ConfigError } from './config-error.ts'
import type { ExecutorEntry } from './define-config.ts'
import { nearestName } from './names.ts'

/** One configured executor instance. */
export interface ExecutorSetting {
  /** The name that tasks use; unique. */
  readonly name: string
  /** Short name, or `module#Class`. */
  readonly executor: string
  readonly parallelism: number
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * The executors in order, the default first. The text of `core.executor` (Airflow's grammar) names entries of the map or
 * executors; where it was not set, every entry of the map counts.
 */
export function resolveExecutors(
  core: { readonly executor: string; readonly parallelism: number },
  entries: Readonly<Record<string, ExecutorEntry>>,
  isTextSet: boolean,
): readonly ExecutorSetting[] {
  const fromMap = Object.keys(entries)
  const items = fromMap.length > 0 && !isTextSet ? fromMap.map((name) => ({ alias: null, executor: name })) : parseItems(core.executor)
  const settings = items.map(({ alias, executor }) => {
    const entry = alias === null ? entries[executor] : undefined
    return {
      name: alias ?? (entry === undefined ? classNameOf(executor) : executor),
      executor: entry?.executor ?? executor,
      parallelism: entry?.parallelism ?? core.parallelism,
      settings: entry?.settings ?? {},
    }
  })
  refuseTwice(settings)
  for (const { name, executor } of settings) refuseMalformed(name, executor, fromMap)
  return settings
}

interface Item {
  readonly alias: string | null
  readonly executor: string
}

function parseItems(text: string): readonly Item[] {
  const items = text.split(',').map((item) => item.trim())
  if (text.trim() === '') throw new ConfigError('core.executor is empty. Name at least one executor, for example LocalExecutor.')
  if (text.includes(';') || text.includes('=')) {
    throw new ConfigError(`core.executor "${text}" groups executors by team, which this version does not support. Write a plain list.`)
  }
  return items.map((item) => {
    if (item === '') throw new ConfigError(`core.executor "${text}" has an empty item. Remove the comma.`)
    // An alias has no path characters; `npm:`-like and Windows paths are not meant.
    const [first = '', second, ...more] = item.split(':')
    if (second === undefined) return { alias: null, executor: first }
    if (more.length > 0 || first === '' || second === '') {
      throw new ConfigError(`Incorrectly formatted executor "${item}" in core.executor. Write \`alias:Name\` or \`alias:module#Class\`.`)
    }
    return { alias: first.trim(), executor: second.trim() }
  })
}

/** `./x.ts#Class` → `Class`: the name of an executor that was given no alias. */
function classNameOf(executor: string): string {
  return executor.split('#').at(-1) ?? executor
}

function refuseTwice(settings: readonly ExecutorSetting[]): void {
  const seen = new Set<string>()
  for (const { name } of settings) {
    if (seen.has(name)) throw new ConfigError(`Executor "${name}" is configured twice. Give one of them another name: \`other:${name}\`.`)
    seen.add(name)
  }
}

function refuseMalformed(name: string, executor: string, known: readonly string[]): void {
  const [module, exported, ...more] = executor.split('#')
  const isShortName = exported === undefined && /^[A-Za-z][A-Za-z0-9]*$/.test(executor)
  if (isShortName || (module !== '' && exported !== undefined && exported !== '' && more.length === 0)) return
  const nearest = nearestName(executor, ['LocalExecutor', ...known]) ?? 'LocalExecutor'
  throw new ConfigError(
    `Incorrectly formatted executor "${executor}" (name "${name}"). Write a short name such as ${nearest}, or \`module#Class\`.`,
  )
}
