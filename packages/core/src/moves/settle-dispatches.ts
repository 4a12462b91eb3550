import type { WorkloadExit } from '@fairlead/protocol'
import {
  findOpenAttempts,
  nameExternally,
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
    if (ended.length === 0) return new Map()
    const released = await releaseDispatches(tx, ended)
    await finishRestarts(tx, context, released)
    const answers = new Map(released.map((row): [string, SettleAnswer] => [row.dispatch_id, { kind: 'repeated' }]))
    const open = await findOpenAttempts(tx, released)
    const reasons = new Map(released.map((row) => [row.dispatch_id, row.stop_reason]))
    const settlements = ended.flatMap(({ dispatchId, exit, actor }): Settlement[] => {
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

/** However a process ends that a drain had stopped: it was no fault of the task's, which begins again elsewhere. */
function exitUnder(reason: StopReason | null | undefined, exit: WorkloadExit): WorkloadExit {
  const isOurDoing = reason === 'drained' && exit.kind !== 'superseded' && exit.kind !== 'neverStarted'
  return isOurDoing ? { kind: 'shutdown', detail: 'Its executor is drained.' } : exit
}
