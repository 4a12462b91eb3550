import type { Lane } from './lane.ts'
import { compareBy } from './order.ts'
import { routeOf, type ExecutorCapacity, type ExecutorGate } from './route.ts'

/**
 * Which scheduled task instances may be queued now, and what holds the others. `explain` and the scheduler ask the
 * same function, so what it says is what happens.
 *
 * Invariant 1: never more than an executor's free slots, a run's free places, a pool's open slots, a task's limits.
 * Invariant 2: nothing held is ahead, in order, of something admitted through the same gates.
 */

/** A scheduled task instance, as admission sees it. */
export interface Candidate {
  readonly id: string
  readonly lane: Lane
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

/** What a run can take. */
export interface RunCapacity {
  readonly isRunning: boolean
  readonly isPaused: boolean
  readonly freePlaces: number
  readonly maxActiveTasks: number
}

/** What a pool can take. */
export interface PoolCapacity {
  /** Infinity for a pool that holds nothing back. */
  readonly slots: number
  readonly used: number
}

/** What everything but runs can take. Executors and pools that are not named are not there. */
export interface Capacities {
  readonly executors: ReadonlyMap<string, ExecutorCapacity>
  readonly pools: ReadonlyMap<string, PoolCapacity>
  /** How many of a task with limits are active, by {@link taskKey} and {@link runTaskKey}. */
  readonly activeTis: ReadonlyMap<string, number>
}

/** Everything admission weighs. */
export interface AdmissionInput extends Capacities {
  readonly now: number
  readonly candidates: readonly Candidate[]
  readonly runs: ReadonlyMap<number, RunCapacity>
}

/** What holds a scheduled task instance back. */
export type AdmissionGate =
  | { readonly kind: 'launch_backoff'; readonly until: number }
  | { readonly kind: 'dag_paused' }
  | { readonly kind: 'run_not_running' }
  | { readonly kind: 'max_active_tasks'; readonly limit: number }
  | LaneGate

/** What holds a whole lane. */
export type LaneGate =
  | { readonly kind: 'pool_missing'; readonly pool: string }
  | { readonly kind: 'pool_too_small'; readonly pool: string; readonly slots: number; readonly needs: number }
  | { readonly kind: 'pool_full'; readonly pool: string; readonly slots: number; readonly needs: number }
  | { readonly kind: 'max_active_tis_per_dag'; readonly limit: number }
  | { readonly kind: 'max_active_tis_per_dagrun'; readonly limit: number }
  | (ExecutorGate & { readonly passedOver: readonly ExecutorGate[] })

/** Who goes, and where. */
export interface Admitted {
  readonly candidate: Candidate
  readonly executor: string
  /** What kept the executors before that one from taking it. */
  readonly passedOver: readonly ExecutorGate[]
}

/** The decision: who goes, in order, and why each of the others waits. */
export interface Admission {
  readonly admitted: readonly Admitted[]
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

/** Names a task over all its runs. */
export const taskKey = (dagId: string, taskId: string): string => JSON.stringify([dagId, taskId])

/** Names a task in one run. */
export const runTaskKey = (runKey: number, taskId: string): string => `${runKey}/${taskId}`

/** Admits greedily in {@link admissionOrder}. A held candidate never blocks one behind it that its gate does not concern. */
export function admit(input: AdmissionInput): Admission {
  const admitted: Admitted[] = []
  const held = new Map<string, AdmissionGate>()
  const taken = new Taken()
  for (const candidate of input.candidates.toSorted(admissionOrder)) {
    const gate = runGate(candidate, input, taken) ?? sharedGate(candidate.lane, input, taken)
    const route = routeOf(candidate.lane, input.executors, taken.slots)
    if (gate !== null) held.set(candidate.id, gate)
    else if (route.kind === 'closed') held.set(candidate.id, route.gate)
    else {
      admitted.push({ candidate, executor: route.executor, passedOver: route.passedOver })
      taken.add(candidate, route.executor)
    }
  }
  return { admitted, held }
}

/** What would hold every task instance of a lane, whatever its run; null while one may go. */
export function laneGate(lane: Lane, capacities: Capacities): LaneGate | null {
  const nothing = new Taken()
  const gate = sharedGate(lane, capacities, nothing)
  if (gate !== null) return gate
  const route = routeOf(lane, capacities.executors, nothing.slots)
  return route.kind === 'closed' ? route.gate : null
}

/** What those admitted so far have taken. */
class Taken {
  readonly slots = new Map<string, number>()
  readonly places = new Map<number, number>()
  readonly poolSlots = new Map<string, number>()
  readonly activeTis = new Map<string, number>()

  add({ lane, runKey }: Candidate, executor: string): void {
    count(this.slots, executor, 1)
    count(this.places, runKey, 1)
    count(this.poolSlots, lane.pool, lane.poolSlots)
    if (lane.limits === null) return
    const { dagId, taskId } = lane.limits
    count(this.activeTis, taskKey(dagId, taskId), 1)
    count(this.activeTis, runTaskKey(runKey, taskId), 1)
  }
}

function count<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

function runGate(candidate: Candidate, input: AdmissionInput, taken: Taken): AdmissionGate | null {
  if (candidate.readyAt !== null && candidate.readyAt > input.now) {
    return { kind: 'launch_backoff', until: candidate.readyAt }
  }
  const run = input.runs.get(candidate.runKey)
  if (run === undefined || !run.isRunning) return { kind: 'run_not_running' }
  if (run.isPaused) return { kind: 'dag_paused' }
  if (run.freePlaces <= (taken.places.get(candidate.runKey) ?? 0)) {
    return { kind: 'max_active_tasks', limit: run.maxActiveTasks }
  }
  return null
}

function sharedGate(lane: Lane, capacities: Capacities, taken: Taken): LaneGate | null {
  return limitGate(lane, capacities, taken) ?? poolGate(lane, capacities, taken)
}

function limitGate({ limits }: Lane, { activeTis }: Capacities, taken: Taken): LaneGate | null {
  if (limits === null) return null
  const { dagId, taskId, perDag, perRun } = limits
  const active = (key: string): number => (activeTis.get(key) ?? 0) + (taken.activeTis.get(key) ?? 0)
  if (perDag !== null && active(taskKey(dagId, taskId)) >= perDag) {
    return { kind: 'max_active_tis_per_dag', limit: perDag }
  }
  if (perRun !== null && active(runTaskKey(perRun.runKey, taskId)) >= perRun.limit) {
    return { kind: 'max_active_tis_per_dagrun', limit: perRun.limit }
  }
  return null
}

function poolGate({ pool: name, poolSlots: needs }: Lane, { pools }: Capacities, taken: Taken): LaneGate | null {
  const pool = pools.get(name)
  if (pool === undefined) return { kind: 'pool_missing', pool: name }
  const facts = { pool: name, slots: pool.slots, needs }
  if (pool.slots < needs) return { kind: 'pool_too_small', ...facts }
  const open = pool.slots - pool.used - (taken.poolSlots.get(name) ?? 0)
  return open < needs ? { kind: 'pool_full', ...facts } : null
}
