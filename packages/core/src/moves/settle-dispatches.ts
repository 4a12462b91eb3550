import type { WorkloadExit } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import {
  findOpenAttempts,
  nameExternally,
  readDispatches,
  releaseDispatches,
  type OwnDispatch,
  type StopReason,
} from '../db/queries/dispatches.ts'
import { finishRestarts } from './finish-restarts.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { settleIn, type SettleAnswer, type Settlement } from './settle-task-instances.ts'

/** A dispatch whose process is known to be gone. */
export interface EndedDispatch extends OwnDispatch {
  readonly exit: WorkloadExit
  /** Who says it: `executor`, or a sweep's name. */
  readonly actor: string
}

/** A dispatch that an executor knows under an id of its own. */
export interface NamedDispatch extends OwnDispatch {
  readonly externalId: string
}

/**
 * Frees the slots of ended dispatches and settles their task instances, where nobody has yet, in one transaction: most
 * have reported themselves, and need no lock, since an attempt that has settled stays so. A
 * dispatch that holds no slot is one whose end was told before: nothing happens, and neither does it at the word of an
 * executor that does not have it. Answers by dispatch id.
 */
export function settleDispatches(
  context: MoveContext,
  ended: readonly EndedDispatch[],
  named: readonly NamedDispatch[] = [],
): Promise<ReadonlyMap<string, SettleAnswer>> {
  return inTransaction(context, async (tx) => {
    if (named.length > 0) await nameExternally(tx, named)
    const over = await withoutRefusals(tx, ended)
    if (over.length === 0) return new Map()
    const released = await releaseDispatches(tx, over)
    await finishRestarts(tx, context, released)
    const answers = new Map(released.map((row): [string, SettleAnswer] => [row.dispatch_id, { kind: 'repeated' }]))
    const open = await findOpenAttempts(tx, released)
    const reasons = new Map(released.map((row) => [row.dispatch_id, row.stop_reason]))
    const settlements = over.flatMap(({ dispatchId, exit, actor }): Settlement[] => {
      const taskInstanceId = open.get(dispatchId)
      if (taskInstanceId === undefined) return []
      return [
        {
          taskInstanceId,
          dispatchId,
          actor,
          report: null,
          exit: exitUnder(reasons.get(dispatchId), exit),
          endedAt: null,
        },
      ]
    })
    if (settlements.length === 0) return answers
    const settled = await settleIn(tx, context, settlements)
    for (const [index, { dispatchId }] of settlements.entries()) {
      const answer = settled[index]
      if (answer !== undefined) answers.set(dispatchId, answer)
    }
    return answers
  })
}

/**
 * Less what was refused because its attempt runs elsewhere: it was handed over twice, to two machines, and the process
 * that came first keeps its slot.
 */
async function withoutRefusals(tx: Tx, ended: readonly EndedDispatch[]): Promise<readonly EndedDispatch[]> {
  const refused = ended.filter(({ exit, actor }) => exit.kind === 'superseded' && actor === 'executor')
  if (refused.length === 0) return ended
  const rows = await readDispatches(
    tx,
    refused.map(({ dispatchId }) => dispatchId),
  )
  const elsewhere = rows.filter(
    (row) => row.is_current === 1 && row.state === 'running' && row.stop_requested_at === null,
  )
  const ids = new Set(elsewhere.map((row) => row.dispatch_id))
  return ended.filter(({ dispatchId, exit }) => exit.kind !== 'superseded' || !ids.has(dispatchId))
}

/** However a process ends that a drain had stopped: it was no fault of the task's, which begins again elsewhere. */
function exitUnder(reason: StopReason | null | undefined, exit: WorkloadExit): WorkloadExit {
  const isOurDoing = reason === 'drained' && exit.kind !== 'superseded' && exit.kind !== 'neverStarted'
  return isOurDoing ? { kind: 'shutdown', detail: 'Its executor is drained.' } : exit
}
