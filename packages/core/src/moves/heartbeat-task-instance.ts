import type { RefusalReason, TaskInstanceState } from '@fairlead/protocol'
import { findArchived, readTaskInstances, touchHeartbeat } from '../db/queries/move-task-instances.ts'
import type { MoveContext } from './move-context.ts'

/** A sign of life of a running attempt. */
export interface HeartbeatRequest {
  readonly taskInstanceId: string
  readonly dispatchId: string
  readonly hostname: string
  readonly pid: number
}

/** Whether the attempt is still the current one. Anything but `alive` tells the worker to stop it. */
export type HeartbeatAnswer =
  | { readonly kind: 'alive' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly state: TaskInstanceState }
  | { readonly kind: 'archived' }
  | { readonly kind: 'notFound' }

/** Notes that a running attempt lives. Nothing follows from it, so nobody is woken. */
export function heartbeatTaskInstance(context: MoveContext, request: HeartbeatRequest): Promise<HeartbeatAnswer> {
  return context.database.transaction(async (tx): Promise<HeartbeatAnswer> => {
    const { taskInstanceId: id, dispatchId, hostname, pid } = request
    const now = context.environment.clock.now()
    if (await touchHeartbeat(tx, { id, dispatchId, hostname, pid, now })) return { kind: 'alive' }
    const [row] = await readTaskInstances(tx, [id])
    if (row === undefined) return (await findArchived(tx, [id])).has(id) ? { kind: 'archived' } : { kind: 'notFound' }
    if (row.dispatch_id !== dispatchId) return { kind: 'refused', reason: 'superseded', state: row.state }
    if (row.state !== 'running') return { kind: 'refused', reason: 'not_running', state: row.state }
    return { kind: 'refused', reason: 'running_elsewhere', state: row.state }
  })
}
