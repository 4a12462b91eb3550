import { DEFAULT_POOL, WEIGHT_RULES, type DagSpec, type TaskSpec, type TriggerRule } from '@fairlead/protocol'
import { dagSpec, taskSpec } from './dag-specs.ts'
import type { RandomStream } from './simulation/random-stream.ts'

/** The executors of a walk. */
export const WALK_EXECUTORS = ['e0', 'e1', 'e2'] as const
/** The pools of a walk that are made when it begins, or later. */
export const WALK_POOLS = [DEFAULT_POOL, 'p1', 'p2'] as const

const RULES: readonly TriggerRule[] = ['all_success', 'all_done', 'one_success', 'none_failed', 'always']

/** A small Dag whose tasks wait for all that there is to wait for. */
export function randomWalkDag(dagId: string, stream: RandomStream): DagSpec {
  const count = stream.int(1, 6)
  const tasks = Array.from({ length: count }, (_, index) => {
    const upstream = Array.from({ length: index }, (_unused, before) => `t${before}`).filter(() => stream.chance(0.2))
    return taskSpec(`t${index}`, {
      upstream,
      triggerRule: stream.chance(0.7) ? 'all_success' : stream.pick(RULES),
      ...randomChain(stream),
      priorityWeight: stream.int(1, 3),
      weightRule: stream.pick(WEIGHT_RULES),
      pool: stream.pick([...WALK_POOLS, DEFAULT_POOL, 'p3']),
      poolSlots: stream.pick([1, 1, 1, 2, 3]),
      maxActiveTisPerDag: stream.pick([null, null, null, 1, 2]),
      maxActiveTisPerDagrun: stream.pick([null, null, null, 1]),
      retry: {
        retries: stream.int(0, 2),
        delayMs: stream.pick([0, 5_000]),
        backoff: 1,
        maxDelayMs: 5_000,
        jitter: 0,
      },
    })
  })
  return dagSpec(dagId, tasks, { maxActiveTasks: stream.int(1, 4), maxActiveRuns: stream.int(1, 3) })
}

function randomChain(stream: RandomStream): Pick<TaskSpec, 'executor' | 'fallbackExecutors' | 'executorFallback'> {
  const executor = stream.pick([null, ...WALK_EXECUTORS])
  const others = WALK_EXECUTORS.filter((name) => name !== executor)
  const fallbackExecutors = executor === null || stream.chance(0.6) ? [] : others.slice(0, stream.int(1, 2))
  return { executor, fallbackExecutors, executorFallback: stream.pick([null, 'unavailable', 'full']) }
}
