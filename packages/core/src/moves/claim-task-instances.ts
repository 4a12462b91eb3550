import type { DispatchId, TaskInstanceId } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { readActiveTis, readUsedSlots, readWaitingLanes } from '../db/queries/capacity-reads.ts'
import { claimCandidates, readCandidates, type CandidateRow, type Claim } from '../db/queries/claims.ts'
import { findNextMoment } from '../db/queries/due.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { takeClaimTurn } from '../db/queries/schedulers.ts'
import {
  admit,
  laneGate,
  type Admitted,
  type Candidate,
  type Capacities,
  type RunCapacity,
} from '../model/admission.ts'
import { parseLane, type Lane } from '../model/lane.ts'
import type { ExecutorCapacity } from '../model/route.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger, type OpenRun } from './run-ledger.ts'

/** What an executor could take if nothing were running on it. */
export type ExecutorOffer =
  | { readonly kind: 'open'; readonly parallelism: number }
  | { readonly kind: 'starting' }
  | { readonly kind: 'unhealthy'; readonly reason: string }

/** A task instance that is queued and must be handed to its executor. */
export interface ClaimedTask {
  readonly dispatchId: DispatchId
  readonly taskInstanceId: TaskInstanceId
  readonly runKey: number
  readonly taskIndex: number
  readonly executor: string
}

/** Answer to a claim. `fenced`: this scheduler has lost its lease and must stop. */
export type ClaimAnswer =
  | {
      readonly kind: 'claimed'
      readonly tasks: readonly ClaimedTask[]
      /** True when a process is to be stopped. */
      readonly hasStops: boolean
      /** True when an executor is to be drained. */
      readonly hasDrains: boolean
      /** When time alone makes something else ready, or has made it. */
      readonly nextMoment: number | null
    }
  | { readonly kind: 'fenced' }

const MOST_PER_CLAIM = 512

/**
 * Queues what admission lets through: a slot, a new dispatch id and an outbox row for each, in one transaction.
 * Schedulers take turns, since what one of them takes is gone for the next.
 */
export function claimTaskInstances(
  context: MoveContext,
  scheduler: { readonly id: string },
  offers: ReadonlyMap<string, ExecutorOffer>,
): Promise<ClaimAnswer> {
  return inTransaction(context, async (tx): Promise<ClaimAnswer> => {
    const now = context.environment.clock.now()
    // Looked at on the way, before others have to wait: a turn with nothing to do costs no more than this.
    const nextMoment = await findNextMoment(tx)
    if (!(await takeClaimTurn(tx, scheduler.id, now))) return { kind: 'fenced' }
    const lanes = await readLanes(tx)
    const { hasStops, hasDrains, ...capacities } = await readCapacities(tx, offers, lanes)
    const rows = await firstCandidates(tx, { lanes, capacities, most: MOST_PER_CLAIM })
    if (rows.length === 0) return { kind: 'claimed', tasks: [], hasStops, hasDrains, nextMoment }
    const ledger = new RunLedger(tx, context, await lockRuns(tx, [...new Set(rows.map(({ row }) => row.run_key))]))
    const runs = new Map(ledger.runs.map((run) => [run.row.run_key, runCapacity(run)]))
    const { admitted } = admit({ now, candidates: rows.map(toCandidate), runs, ...capacities })
    const tasks = await write(ledger, scheduler.id, chosenRows(rows, admitted))
    await ledger.close()
    return { kind: 'claimed', tasks, hasStops, hasDrains, nextMoment }
  })
}

/** A lane and the text by which the database knows it. */
export interface NamedLane {
  readonly text: string
  readonly lane: Lane
}

/** The lanes in which something waits. */
export async function readLanes(tx: Tx): Promise<readonly NamedLane[]> {
  return (await readWaitingLanes(tx)).map((text) => ({ text, lane: parseLane(text) }))
}

/**
 * What executors, pools and limits can take: what they have less the leases in the database; and with it whether any
 * process is to be stopped.
 */
export async function readCapacities(
  tx: Tx,
  offers: ReadonlyMap<string, ExecutorOffer>,
  lanes: readonly NamedLane[],
): Promise<Capacities & { readonly hasStops: boolean; readonly hasDrains: boolean }> {
  const { executors: used, pools, hasStops, drains } = await readUsedSlots(tx)
  const executors = new Map(
    [...offers].map(([name, offer]): [string, ExecutorCapacity] => {
      const to = drains.get(name)
      if (to !== undefined) return [name, { kind: 'unhealthy', reason: reasonOfDrain(to) }]
      if (offer.kind !== 'open') return [name, offer]
      return [name, { ...offer, freeSlots: Math.max(0, offer.parallelism - (used.get(name) ?? 0)) }]
    }),
  )
  const hasLimits = lanes.some(({ lane }) => lane.limits !== null)
  return {
    executors,
    pools,
    hasStops,
    hasDrains: drains.size > 0,
    activeTis: hasLimits ? await readActiveTis(tx) : new Map(),
  }
}

function reasonOfDrain(to: string | null): string {
  return to === null ? 'it is draining' : `it is draining to "${to}"`
}

/** A row and the lane it waits in. */
export interface WaitingRow {
  readonly row: CandidateRow
  readonly lane: Lane
}

/**
 * The candidates among whom admission decides: of each lane that is open as many as all executors together could take,
 * counting up to `most` of each. A run's places can be taken by other lanes, which holds no more of this one's first
 * candidates than the others take; whoever comes after these meets full executors.
 */
export async function firstCandidates(
  tx: Tx,
  { lanes, capacities, most }: { lanes: readonly NamedLane[]; capacities: Capacities; most: number },
): Promise<readonly WaitingRow[]> {
  const free = [...capacities.executors.values()].map((executor) => (executor.kind === 'open' ? executor.freeSlots : 0))
  const limit = free.reduce((sum, slots) => sum + Math.min(slots, most), 0)
  if (limit === 0) return []
  const rows: WaitingRow[] = []
  for (const { text, lane } of lanes) {
    if (laneGate(lane, capacities) !== null) continue
    for (const row of await readCandidates(tx, text, limit)) rows.push({ row, lane })
  }
  return rows
}

/** A run's capacity, as admission weighs it. */
export function runCapacity(run: OpenRun): RunCapacity {
  const { max_active_tasks: maxActiveTasks, active } = run.row
  return { isRunning: run.isRunning, isPaused: run.isPaused, freePlaces: maxActiveTasks - active, maxActiveTasks }
}

/** A row as admission sees it. An admissible row has no backoff. */
export function toCandidate({ row, lane }: WaitingRow): Candidate {
  return {
    id: row.id,
    lane,
    runKey: row.run_key,
    priority: row.priority,
    orderDate: row.order_date,
    taskIndex: row.task_index,
    mapIndex: row.map_index,
    readyAt: null,
  }
}

type ChosenRow = Omit<Admitted, 'candidate'> & { readonly row: CandidateRow }

function chosenRows(rows: readonly WaitingRow[], admitted: readonly Admitted[]): readonly ChosenRow[] {
  const byId = new Map(rows.map(({ row }) => [row.id, row]))
  return admitted.flatMap(({ candidate, executor, passedOver }) => {
    const row = byId.get(candidate.id)
    return row === undefined ? [] : [{ row, executor, passedOver }]
  })
}

async function write(
  ledger: RunLedger,
  schedulerId: string,
  chosen: readonly ChosenRow[],
): Promise<readonly ClaimedTask[]> {
  if (chosen.length === 0) return []
  const { random } = ledger.context.environment
  const claims = chosen.map((one) => ({ ...one, dispatchId: random.uuid(ledger.now) }))
  const moved = await claimCandidates(ledger.tx, claims, { schedulerId, now: ledger.now })
  return claims.filter(({ row }) => moved.has(row.id)).map((claim) => noteClaim(ledger, claim))
}

function noteClaim(ledger: RunLedger, { row, dispatchId, executor, passedOver }: ChosenRow & Claim): ClaimedTask {
  const run = ledger.run(row.run_key)
  run.waiting -= 1
  run.active += 1
  ledger.audit(row.run_key, {
    actor: 'scheduler',
    taskId: row.task_id,
    mapIndex: row.map_index,
    tryNumber: row.try_number,
    dispatchId,
    from: 'scheduled',
    to: 'queued',
    detail: { executor, queue: row.queue, pool: row.pool, ...(passedOver.length === 0 ? {} : { passedOver }) },
  })
  return {
    dispatchId: dispatchId as DispatchId,
    taskInstanceId: row.id as TaskInstanceId,
    runKey: row.run_key,
    taskIndex: row.task_index,
    executor,
  }
}
