import type { RefusalReason, TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { lockRunsOfTaskInstances } from '../db/queries/lock-runs.ts'
import {
  findArchived,
  readTaskInstances,
  startRows,
  type TaskInstanceRow,
  type WorkerIdentity,
} from '../db/queries/move-task-instances.ts'
import { clearXComs } from '../db/queries/xcom-writes.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger } from './run-ledger.ts'

/** A worker asks to run what it was handed: it redeems its launch ticket. */
export interface StartRequest extends WorkerIdentity {
  readonly taskInstanceId: string
  readonly dispatchId: string
  /** By the worker's clock. */
  readonly startedAt: number
}

/** Whether it may. Only `started` may later report. */
export type StartAnswer =
  | {
      readonly kind: 'started'
      readonly runKey: number
      readonly tryNumber: number
      readonly maxTries: number
      readonly isRepeated: boolean
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly state: TaskInstanceState }
  | { readonly kind: 'archived' }
  | { readonly kind: 'notFound' }

/**
 * Moves queued task instances to running, in one transaction; answers in the order asked. The same process may ask
 * again (its first answer may have been lost); another one is refused.
 */
export function startTaskInstances(context: MoveContext, requests: readonly StartRequest[]): Promise<StartAnswer[]> {
  const start = async (tx: Tx): Promise<StartAnswer[]> => {
    const ids = requests.map((request) => request.taskInstanceId)
    const ledger = new RunLedger(tx, context, await lockRunsOfTaskInstances(tx, ids))
    const rows = new Map((await readTaskInstances(tx, ids)).map((row) => [row.id, row]))
    const missing = ids.filter((id) => !rows.has(id))
    const archived = missing.length === 0 ? new Set<string>() : await findArchived(tx, missing)
    const starting = new Map<string, StartRequest>()
    const answers = requests.map((request): StartAnswer => {
      const row = rows.get(request.taskInstanceId)
      if (row === undefined) return archived.has(request.taskInstanceId) ? { kind: 'archived' } : { kind: 'notFound' }
      const answer = answerTo(row, request, starting.get(row.id))
      if (answer.kind === 'started' && !answer.isRepeated) starting.set(row.id, request)
      return answer
    })
    await startRows(
      tx,
      [...starting.values()].map((request) => ({ ...request, id: request.taskInstanceId })),
      ledger.now,
    )
    const started = [...starting.keys()].flatMap((id) => rows.get(id) ?? [])
    // As in Airflow, a try begins without what an earlier one left.
    await clearXComs(
      tx,
      started.filter((row) => row.try_number > 1),
    )
    for (const row of started) auditStart(ledger, row)
    await ledger.close()
    return answers
  }
  // A slot that was taken stays taken: there is nothing new to admit.
  return inTransaction(context, start, () => false)
}

function answerTo(row: TaskInstanceRow, request: StartRequest, earlier: StartRequest | undefined): StartAnswer {
  if (row.dispatch_id !== request.dispatchId) return { kind: 'refused', reason: 'superseded', state: row.state }
  const started = { kind: 'started', runKey: row.run_key, tryNumber: row.try_number, maxTries: row.max_tries } as const
  if (row.state === 'queued' && earlier === undefined) return { ...started, isRepeated: false }
  if (row.state !== 'running' && earlier === undefined)
    return { kind: 'refused', reason: 'invalid_state', state: row.state }
  if (isSameWorker(earlier ?? row, request)) return { ...started, isRepeated: true }
  return { kind: 'refused', reason: 'running_elsewhere', state: 'running' }
}

function isSameWorker(
  known: { hostname: string | null; unixname: string | null; pid: number | null; nonce: string | null },
  asking: WorkerIdentity,
): boolean {
  return (
    known.hostname === asking.hostname &&
    known.unixname === asking.unixname &&
    known.pid === asking.pid &&
    known.nonce === asking.nonce
  )
}

function auditStart(ledger: RunLedger, row: TaskInstanceRow): void {
  const { task_id: taskId, map_index: mapIndex, try_number: tryNumber, dispatch_id: dispatchId } = row
  ledger.audit(row.run_key, { actor: 'worker', taskId, mapIndex, tryNumber, dispatchId, from: 'queued', to: 'running' })
}
