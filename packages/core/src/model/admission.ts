import { compareBy } from './order.ts'

/**
 * Which scheduled task instances may be queued now, and what holds the others. `explain` and the scheduler ask the
 * same function, so what it says is what happens.
 *
 * Invariant 1: never more than an executor's free slots, nor a run's free places.
 * Invariant 2: nothing held is ahead, in order, of something admitted through the same gates.
 */

/** A scheduled task instance, as admission sees it. */
export interface Candidate {
  readonly id: string
  readonly executor: string
  readonly runKey: number
  /** Priority weight plus what waiting has earned. Higher goes first. */
  readonly priority: number
  /** Orders equal priorities: the run's logical date, else when it was to run. */
  readonly orderDate: number
  readonly taskIndex: number
  readonly mapIndex: number
  /** Not before this moment, or null: the backoff after a launch that failed. */
  readonly readyAt: number | null
}

/** What an executor can take. */
export type ExecutorCapacity =
  | { readonly kind: 'open'; readonly freeSlots: number; readonly parallelism: number }
  | { readonly kind: 'unhealthy'; readonly reason: string }

/** What a run can take. */
export interface RunCapacity {
  readonly isRunning: boolean
  readonly isPaused: boolean
  readonly freePlaces: number
  readonly maxActiveTasks: number
}

/** Everything admission weighs. Executors that are not named here are not configured. */
export interface AdmissionInput {
  readonly now: number
  readonly candidates: readonly Candidate[]
  readonly executors: ReadonlyMap<string, ExecutorCapacity>
  readonly runs: ReadonlyMap<number, RunCapacity>
}

/** What holds a scheduled task instance back. */
export type AdmissionGate =
  | { readonly kind: 'launch_backoff'; readonly until: number }
  | { readonly kind: 'dag_paused' }
  | { readonly kind: 'run_not_running' }
  | { readonly kind: 'executor_not_configured'; readonly executor: string }
  | { readonly kind: 'executor_unhealthy'; readonly executor: string; readonly reason: string }
  | { readonly kind: 'max_active_tasks'; readonly limit: number }
  | { readonly kind: 'executor_full'; readonly executor: string; readonly parallelism: number }

/** The decision: who goes, in order, and why each of the others waits. */
export interface Admission {
  readonly admitted: readonly Candidate[]
  readonly held: ReadonlyMap<string, AdmissionGate>
}

/** Priority first, then the earlier run, then the earlier task. Total: equal only to itself. */
export const admissionOrder: (a: Candidate, b: Candidate) => number = compareBy(
  (c) => -c.priority,
  (c) => c.orderDate,
  (c) => c.runKey,
  (c) => c.taskIndex,
  (c) => c.mapIndex,
)

/** Admits greedily in {@link admissionOrder}. A held candidate never blocks one behind it that its gate does not concern. */
export function admit(input: AdmissionInput): Admission {
  const admitted: Candidate[] = []
  const held = new Map<string, AdmissionGate>()
  const takenSlots = new Map<string, number>()
  const takenPlaces = new Map<number, number>()
  for (const candidate of input.candidates.toSorted(admissionOrder)) {
    const slots = takenSlots.get(candidate.executor) ?? 0
    const places = takenPlaces.get(candidate.runKey) ?? 0
    const gate = gateOf(candidate, input, { slots, places })
    if (gate !== null) {
      held.set(candidate.id, gate)
      continue
    }
    admitted.push(candidate)
    takenSlots.set(candidate.executor, slots + 1)
    takenPlaces.set(candidate.runKey, places + 1)
  }
  return { admitted, held }
}

function gateOf(
  candidate: Candidate,
  input: AdmissionInput,
  taken: { slots: number; places: number },
): AdmissionGate | null {
  return runGate(candidate, input, taken.places) ?? executorGate(candidate, input, taken.slots)
}

function runGate(candidate: Candidate, input: AdmissionInput, taken: number): AdmissionGate | null {
  if (candidate.readyAt !== null && candidate.readyAt > input.now) {
    return { kind: 'launch_backoff', until: candidate.readyAt }
  }
  const run = input.runs.get(candidate.runKey)
  if (run === undefined || !run.isRunning) return { kind: 'run_not_running' }
  if (run.isPaused) return { kind: 'dag_paused' }
  if (run.freePlaces <= taken) return { kind: 'max_active_tasks', limit: run.maxActiveTasks }
  return null
}

function executorGate(candidate: Candidate, input: AdmissionInput, taken: number): AdmissionGate | null {
  const executor = input.executors.get(candidate.executor)
  if (executor === undefined) return { kind: 'executor_not_configured', executor: candidate.executor }
  if (executor.kind === 'unhealthy') {
    return { kind: 'executor_unhealthy', executor: candidate.executor, reason: executor.reason }
  }
  if (executor.freeSlots <= taken) {
    return { kind: 'executor_full', executor: candidate.executor, parallelism: executor.parallelism }
  }
  return null
}
