import {
  DEFAULT_POOL,
  TRIGGER_RULES,
  WEIGHT_RULES,
  type DagSpec,
  type Schedule,
  type TaskSpec,
} from '@fairlead/protocol'
import { dagSpec, taskSpec } from '../dag-specs.ts'
import type { RandomStream } from './random-stream.ts'

/** Pools beside the default one. */
export const POOLS = ['narrow', 'wide'] as const
/** What any task needs of a pool at most. */
export const MOST_POOL_SLOTS = 3

/** A Dag of any shape: what it waits for, how often it tries, where it runs and how much of it at once. */
export function randomDag(stream: RandomStream, dagId: string): DagSpec {
  const tasks: TaskSpec[] = []
  const size = stream.pick([1, 2, 3, 3, 4, 4, 5, 7])
  const density = stream.unit()
  const hasPlainRules = stream.chance(0.3)
  for (let index = 0; index < size; index += 1) {
    const upstream = tasks.filter(() => stream.chance(density / Math.max(1, index / 2))).map((task) => task.taskId)
    tasks.push(randomTask(stream, { index, upstream, hasPlainRules }))
  }
  return dagSpec(dagId, tasks, {
    schedule: randomSchedule(stream),
    catchup: stream.chance(0.3),
    maxActiveRuns: stream.int(1, 3),
    maxActiveTasks: stream.int(1, 5),
    ...randomChain(stream),
  })
}

function randomTask(
  stream: RandomStream,
  { index, upstream, hasPlainRules }: { index: number; upstream: string[]; hasPlainRules: boolean },
): TaskSpec {
  const delayMs = stream.pick([0, 500, 5_000])
  return taskSpec(`t${index}`, {
    upstream,
    triggerRule: hasPlainRules || stream.chance(0.3) ? 'all_success' : stream.pick(TRIGGER_RULES),
    isSetup: stream.chance(0.15),
    retry: { retries: stream.int(0, 2), delayMs, backoff: stream.pick([1, 2]), maxDelayMs: 60_000, jitter: 0.2 },
    priorityWeight: stream.int(1, 4),
    weightRule: stream.pick(WEIGHT_RULES),
    pool: stream.pick([DEFAULT_POOL, DEFAULT_POOL, ...POOLS]),
    poolSlots: stream.pick([1, 1, 1, 2, MOST_POOL_SLOTS]),
    maxActiveTisPerDag: stream.pick([null, null, null, 1, 2]),
    maxActiveTisPerDagrun: stream.pick([null, null, null, null, 1]),
    ...randomChain(stream),
  })
}

function randomChain(stream: RandomStream): Pick<TaskSpec, 'executor' | 'fallbackExecutors' | 'executorFallback'> {
  const executor = stream.pick([null, null, null, 'push', 'poll'])
  const other = executor === 'push' ? 'poll' : 'push'
  const fallbackExecutors = executor === null || stream.chance(0.5) ? [] : [other]
  return { executor, fallbackExecutors, executorFallback: stream.pick([null, 'unavailable', 'full']) }
}

function randomSchedule(stream: RandomStream): Schedule {
  if (!stream.chance(0.25)) return { kind: 'manual' }
  // The history begins two hours before clocks go forward in Berlin.
  return { kind: 'cron', expression: '* * * * *', timezone: stream.pick(['UTC', 'Europe/Berlin']) }
}
