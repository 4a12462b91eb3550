import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** Leases of schedulers: a scheduler that has lost its own writes nothing more. */

const heldInTurn = statement(
  ({ takeTurn }) => `select id, ${takeTurn('claim')} as turn from scheduler where id = $1 and expires_at > $2`,
)
const turnOfStarts = statement(({ takeTurn }) => `select ${takeTurn('start')} as turn`)
const take = statement(
  () => `insert into scheduler (id, hostname, pid, started_at, renewed_at, expires_at) values ($1, $2, $3, $4, $4, $5)`,
)
const renew = statement(
  () => `update scheduler set renewed_at = $2, expires_at = $3 where id = $1 and expires_at > $2 returning id`,
)
const expireOthers = statement(() => `update scheduler set expires_at = $2 where id <> $1 and expires_at > $2`)
const release = statement(() => `update scheduler set expires_at = $2 where id = $1`)

/**
 * Has this transaction wait until no other one claims: what it reads afterwards of slots in use nobody else adds to
 * before it ends. False when the scheduler's lease is not valid.
 */
export async function takeClaimTurn(tx: Tx, id: string, now: number): Promise<boolean> {
  return (await tx.all(heldInTurn, [id, now])).length > 0
}

/** The same for starting runs. */
export async function takeStartTurn(tx: Tx): Promise<void> {
  await tx.all(turnOfStarts)
}

/** Registers a scheduler with a lease. */
export async function takeLease(
  tx: Tx,
  scheduler: { id: string; hostname: string; pid: number; now: number; leaseMs: number },
): Promise<void> {
  const { id, hostname, pid, now, leaseMs } = scheduler
  await tx.all(take, [id, hostname, pid, now, now + leaseMs])
}

/** Prolongs a lease. False when it had expired: whoever lost it may not have it back. */
export async function renewLease(tx: Tx, id: string, now: number, leaseMs: number): Promise<boolean> {
  return (await tx.all(renew, [id, now, now + leaseMs])).length > 0
}

/** Ends every other lease: the owner of an embedded database is alone by definition. */
export async function expireOtherLeases(tx: Tx, id: string, now: number): Promise<void> {
  await tx.all(expireOthers, [id, now])
}

/** Ends a lease at a graceful stop. */
export async function releaseLease(tx: Tx, id: string, now: number): Promise<void> {
  await tx.all(release, [id, now])
}
