import { DEFAULT_POOL } from '@fairlead/protocol'
import { appendAudit } from '../db/queries/audit.ts'
import { deletePoolRow, findPool, insertPool, updatePoolRow } from '../db/queries/pools.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'

/** Pools by hand. What has taken slots keeps them, whatever becomes of its pool. */

/** A pool to create. */
export interface PoolRequest {
  readonly name: string
  /** -1 for as many as there are. */
  readonly slots: number
  readonly description: string | null
  readonly includeDeferred: boolean
  readonly actor: string
}

/** What is to change of a pool; what is not named stays. */
export interface PoolChange {
  readonly slots?: number | undefined
  readonly description?: string | null | undefined
  readonly includeDeferred?: boolean | undefined
}

/** Creates a pool. */
export function createPool(
  context: MoveContext,
  request: PoolRequest,
): Promise<{ readonly kind: 'created' | 'exists' }> {
  return inTransaction(context, async (tx) => {
    const { name, slots, description, includeDeferred, actor } = request
    if (!(await insertPool(tx, { name, slots, description, include_deferred: includeDeferred ? 1 : 0 }))) {
      return { kind: 'exists' as const }
    }
    const detail = { pool: name, slots, description, includeDeferred }
    await appendAudit(tx, [{ event: 'pool.created', actor, detail }], context.environment.clock.now())
    return { kind: 'created' as const }
  })
}

/** Changes a pool. */
export function updatePool(
  context: MoveContext,
  request: { readonly name: string; readonly change: PoolChange; readonly actor: string },
): Promise<{ readonly kind: 'moved' | 'notFound' }> {
  return inTransaction(context, async (tx) => {
    const { name, change, actor } = request
    const before = await findPool(tx.query, name)
    if (before === undefined) return { kind: 'notFound' as const }
    const after = {
      slots: change.slots ?? before.slots,
      description: change.description === undefined ? before.description : change.description,
      include_deferred: change.includeDeferred === undefined ? before.include_deferred : Number(change.includeDeferred),
    }
    await updatePoolRow(tx, name, after)
    const detail = { pool: name, before: { ...before, name: undefined }, after }
    await appendAudit(tx, [{ event: 'pool.updated', actor, detail }], context.environment.clock.now())
    return { kind: 'moved' as const }
  })
}

/** Deletes a pool, unless it is the default one. Tasks that name it wait until it is there again. */
export function deletePool(
  context: MoveContext,
  { name, actor }: { readonly name: string; readonly actor: string },
): Promise<{ readonly kind: 'deleted' | 'notFound' | 'isDefault' }> {
  return inTransaction(context, async (tx) => {
    if (name === DEFAULT_POOL) return { kind: 'isDefault' as const }
    if (!(await deletePoolRow(tx, name))) return { kind: 'notFound' as const }
    await appendAudit(tx, [{ event: 'pool.deleted', actor, detail: { pool: name } }], context.environment.clock.now())
    return { kind: 'deleted' as const }
  })
}
