import { DEFAULT_POOL, type DagSpec, type TaskSpec } from '@fairlead/protocol'

/** A task with defaults that suit most tests. */
export function taskSpec(taskId: string, given: Partial<TaskSpec> = {}): TaskSpec {
  return {
    taskId,
    program: { kind: 'handler' },
    inputs: [],
    upstream: [],
    triggerRule: 'all_success',
    isSetup: false,
    retry: { retries: 0, delayMs: 0, backoff: 1, maxDelayMs: 0, jitter: 0 },
    executionTimeoutMs: null,
    priorityWeight: 1,
    weightRule: 'downstream',
    pool: DEFAULT_POOL,
    poolSlots: 1,
    maxActiveTisPerDag: null,
    maxActiveTisPerDagrun: null,
    queue: 'default',
    executor: null,
    fallbackExecutors: [],
    executorFallback: null,
    isolation: null,
    location: null,
    ...given,
  }
}

/** A Dag of these tasks, started by hand. */
export function dagSpec(dagId: string, tasks: readonly TaskSpec[], given: Partial<DagSpec> = {}): DagSpec {
  return {
    dagId,
    description: null,
    tags: [],
    schedule: { kind: 'manual' },
    startDate: null,
    endDate: null,
    catchup: false,
    maxActiveRuns: 16,
    maxActiveTasks: 16,
    isPausedUponCreation: false,
    executor: null,
    fallbackExecutors: [],
    executorFallback: null,
    isolation: null,
    location: null,
    tasks: [...tasks],
    ...given,
  }
}

/** `t0 → t1 → … `: as many tasks in a row. */
export function chain(length: number): readonly TaskSpec[] {
  return Array.from({ length }, (_, index) => taskSpec(`t${index}`, { upstream: index === 0 ? [] : [`t${index - 1}`] }))
}
