import { isTerminal, isTerminalDagRun, type TaskInstanceState } from '@fairlead/protocol'
import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import type { StoppingRow } from '../db/queries/stop-requests.ts'
import { findRunKeys } from '../db/queries/select-runs.ts'
import { noteRewrites } from '../db/queries/update-runs.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { holdRuns, reopenRuns, rewriteRuns, type HeldRuns, type RewriteOrder, type RowChange } from './rewrite-runs.ts'

/** Which run, who asks, and what is to become of it. */
export interface EndRunOrder {
  readonly dagId: string
  readonly runId: string
  readonly actor: string
  readonly as: 'success' | 'failed' | 'cancelled' | 'queued'
}

/** What became of it. `ended`: it had ended before, so there is nothing to cancel. */
export type EndRunAnswer =
  | { readonly kind: 'done'; readonly stopping: number }
  | { readonly kind: 'ended' }
  | { readonly kind: 'running' }
  | { readonly kind: 'runNotFound' }

/**
 * Marks a run as Airflow does (`success`: all its task instances succeed; `failed`: what runs fails and the rest is
 * skipped; `queued`: it is looked at again), or cancels it: what has begun fails with the cause `cancelled`.
 */
export function endDagRun(context: MoveContext, order: EndRunOrder): Promise<EndRunAnswer> {
  return inTransaction(context, async (tx): Promise<EndRunAnswer> => {
    const selection = { kind: 'one', runId: order.runId, past: false, future: false } as const
    const [runKey] = (await findRunKeys(tx, order.dagId, selection)) ?? []
    if (runKey === undefined) return { kind: 'runNotFound' }
    const held = await holdRuns(tx, context, [runKey])
    const { ledger } = held
    const { state } = ledger.run(runKey).row
    if (order.as === 'queued') {
      if (state === 'running') return { kind: 'running' }
      if (isTerminalDagRun(state)) {
        // Its task instances have settled: it starts by looking at them, not as one that begins.
        await noteRewrites(tx, [runKey])
        await reopenRuns(ledger, [runKey], order.actor)
      }
      await ledger.close()
      return { kind: 'done', stopping: 0 }
    }
    if (order.as === 'cancelled' && isTerminalDagRun(state)) return { kind: 'ended' }
    const stopping = await endHeldRuns(held, { as: order.as, actor: order.actor })
    return { kind: 'done', stopping: stopping.length }
  })
}

/** Ends runs that this transaction holds. Answers the processes that are being stopped. */
export function endHeldRuns(held: HeldRuns, order: HeldEndOrder): Promise<readonly StoppingRow[]> {
  const changes = held.rows.flatMap((row) => changeOf(row, order.as) ?? [])
  return rewriteRuns(held, changes, orderOf(order))
}

interface HeldEndOrder {
  readonly as: Exclude<EndRunOrder['as'], 'queued'>
  readonly actor: string
}

function orderOf({ as, actor }: HeldEndOrder): RewriteOrder {
  if (as === 'cancelled')
    return { actor, reason: 'cancelled', run: { endsAs: 'failed', detail: { cause: 'cancelled' } } }
  return { actor, reason: 'marked', run: { endsAs: as === 'success' ? 'success' : 'failed' } }
}

function changeOf(row: StandingRow, as: Exclude<EndRunOrder['as'], 'queued'>): RowChange | null {
  const cause = as === 'cancelled' ? 'cancelled' : null
  if (isTerminal(row.state) && (as !== 'success' || row.state === 'success' || row.state === 'removed')) return null
  if (as === 'success') return { kind: 'settle', row, to: 'success', cause }
  return { kind: 'settle', row, to: FAILS[as].has(row.state) ? 'failed' : 'skipped', cause }
}

const RUNS: readonly TaskInstanceState[] = ['running', 'restarting', 'deferred', 'up_for_reschedule']

/** What fails with its run; the rest never began, and is skipped. */
const FAILS: Readonly<Record<'failed' | 'cancelled', ReadonlySet<TaskInstanceState>>> = {
  failed: new Set(RUNS),
  cancelled: new Set([...RUNS, 'queued', 'up_for_retry']),
}
