import type { ExecutorFallback } from '@fairlead/protocol'
import { EXECUTOR_FALLBACKS } from '@fairlead/protocol/constants'
import { optionError, type OptionOwner } from './option-error.ts'
import type { ExecutorNames } from './register.ts'

/** Where something runs, as data: the first executor, and those it falls back to. */
export interface ExecutorChainSpec {
  readonly executor: string | null
  readonly fallbackExecutors: string[]
  readonly executorFallback: ExecutorFallback | null
}

/** The chain that an author gave. Refuses an empty one, one with a name twice, and an unknown rule. */
export function executorChainOf(
  owner: OptionOwner,
  { executor, executorFallback }: { executor?: ExecutorNames | null | undefined; executorFallback?: ExecutorFallback },
): ExecutorChainSpec {
  const [first = null, ...rest] = namesOf(owner, executor ?? null)
  if (executorFallback !== undefined && !EXECUTOR_FALLBACKS.includes(executorFallback)) {
    throw optionError(owner, 'executorFallback', executorFallback, `one of ${EXECUTOR_FALLBACKS.join(', ')}`)
  }
  return { executor: first, fallbackExecutors: rest, executorFallback: executorFallback ?? null }
}

function namesOf(owner: OptionOwner, chain: ExecutorNames | null): readonly string[] {
  if (chain === null) return []
  const names: readonly string[] = [chain].flat()
  const isChain = names.length > 0 && names.every((name) => typeof name === 'string')
  if (isChain && new Set(names).size === names.length) return names
  throw optionError(owner, 'executor', chain, 'the name of an executor, or a list of different names to try in turn')
}
