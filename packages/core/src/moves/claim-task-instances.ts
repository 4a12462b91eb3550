import type { DispatchId, TaskInstanceId } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { claimCandidates, readCandidates, readUsedSlots, type CandidateRow, type Claim } from '../db/queries/claims.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { isLeaseHeld } from '../db/queries/schedulers.ts'
import { admit, type Candidate, type ExecutorCapacity, type RunCapacity } from '../model/admission.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger, type OpenRun } from './run-ledger.ts'

/** What an executor could take if nothing were running on it. */
export type ExecutorOffer =
  | { readonly kind: 'open'; readonly parallelism: number }
  | { readonly kind: 'unhealthy'; readonly reason: string }

/** A task instance that is queued and must be handed to its executor. */
export interface ClaimedTask {
  readonly dispatchId: DispatchId
  readonly taskInstanceId: TaskInstanceId
  readonly runKey: number
  readonly taskIndex: number
  readonly executor: string
}

/** Answer to a claim. `hasStops`: a process is to be stopped. `fenced`: this scheduler has lost its lease and must stop. */
export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly tasks: readonly ClaimedTask[]; readonly hasStops: boolean }
  | { readonly kind: 'fenced' }

const MOST_PER_CLAIM = 512

/** Queues what admission lets through: a slot, a new dispatch id and an outbox row for each, in one transaction. */
export function claimTaskInstances(
  context: MoveContext,
  scheduler: { readonly id: string },
  offers: ReadonlyMap<string, ExecutorOffer>,
): Promise<ClaimAnswer> {
  return inTransaction(context, async (tx): Promise<ClaimAnswer> => {
    const now = context.environment.clock.now()
    if (!(await isLeaseHeld(tx, scheduler.id, now))) return { kind: 'fenced' }
    const { used, hasStops } = await readUsedSlots(tx)
    const executors = capacities(offers, used)
    const rows = await firstCandidates(tx, executors, MOST_PER_CLAIM)
    if (rows.length === 0) return { kind: 'claimed', tasks: [], hasStops }
    const ledger = new RunLedger(tx, context, await lockRuns(tx, [...new Set(rows.map((row) => row.run_key))]))
    const runs = new Map(ledger.runs.map((run) => [run.row.run_key, runCapacity(run)]))
    const { admitted } = admit({ now, candidates: rows.map(toCandidate), executors, runs })
    const tasks = await write(ledger, scheduler.id, chosenRows(rows, admitted))
    await ledger.close()
    return { kind: 'claimed', tasks, hasStops }
  })
}

/** Free slots of each executor: its parallelism less the leases in the database. */
export function capacities(
  offers: ReadonlyMap<string, ExecutorOffer>,
  used: ReadonlyMap<string, number>,
): ReadonlyMap<string, ExecutorCapacity> {
  return new Map(
    [...offers].map(([name, offer]): [string, ExecutorCapacity] => {
      if (offer.kind === 'unhealthy') return [name, offer]
      return [name, { ...offer, freeSlots: Math.max(0, offer.parallelism - (used.get(name) ?? 0)) }]
    }),
  )
}

/**
 * The candidates among whom admission decides: as many of each executor as all executors together could take, up to
 * `most` of each. A run's places can be taken on other executors, which holds no more of this one's first candidates
 * than the others take; whoever comes after these meets a full executor.
 */
export async function firstCandidates(
  tx: Tx,
  executors: ReadonlyMap<string, ExecutorCapacity>,
  most: number,
): Promise<readonly CandidateRow[]> {
  const free = new Map(
    [...executors].flatMap(([name, executor]): Array<[string, number]> =>
      executor.kind === 'open' && executor.freeSlots > 0 ? [[name, Math.min(executor.freeSlots, most)]] : [],
    ),
  )
  const limit = [...free.values()].reduce((sum, slots) => sum + slots, 0)
  const rows: CandidateRow[] = []
  for (const name of free.keys()) rows.push(...(await readCandidates(tx, name, limit)))
  return rows
}

/** A run's capacity, as admission weighs it. */
export function runCapacity(run: OpenRun): RunCapacity {
  const { max_active_tasks: maxActiveTasks, active } = run.row
  return { isRunning: run.isRunning, isPaused: run.isPaused, freePlaces: maxActiveTasks - active, maxActiveTasks }
}

/** A row as admission sees it. An admissible row has no backoff. */
export function toCandidate(row: CandidateRow): Candidate {
  return {
    id: row.id,
    executor: row.executor,
    runKey: row.run_key,
    priority: row.priority,
    orderDate: row.order_date,
    taskIndex: row.task_index,
    mapIndex: row.map_index,
    readyAt: null,
  }
}

function chosenRows(rows: readonly CandidateRow[], admitted: readonly Candidate[]): readonly CandidateRow[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return admitted.flatMap((candidate) => byId.get(candidate.id) ?? [])
}

async function write(
  ledger: RunLedger,
  schedulerId: string,
  rows: readonly CandidateRow[],
): Promise<readonly ClaimedTask[]> {
  if (rows.length === 0) return []
  const { random } = ledger.context.environment
  const claims: readonly Claim[] = rows.map((row) => ({ row, dispatchId: random.uuid(ledger.now) }))
  const moved = await claimCandidates(ledger.tx, claims, { schedulerId, now: ledger.now })
  return claims
    .filter(({ row }) => moved.has(row.id))
    .map(({ row, dispatchId }) => {
      const run = ledger.run(row.run_key)
      run.waiting -= 1
      run.active += 1
      const { task_id: taskId, map_index: mapIndex, try_number: tryNumber } = row
      ledger.audit(row.run_key, {
        actor: 'scheduler',
        taskId,
        mapIndex,
        tryNumber,
        dispatchId,
        from: 'scheduled',
        to: 'queued',
      })
      return {
        dispatchId: dispatchId as DispatchId,
        taskInstanceId: row.id as TaskInstanceId,
        runKey: row.run_key,
        taskIndex: row.task_index,
        executor: row.executor,
      }
    })
}
