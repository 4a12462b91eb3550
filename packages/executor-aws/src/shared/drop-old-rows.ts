import type { ExecutorStore } from '@fairlead/executor'
import { mintedAt } from './minted-at.ts'

/** Drops rows, keyed by dispatch id, of which nobody has asked for a month: their scheduler died before it could. */
export async function dropOldRows(store: ExecutorStore, prefix: string, now: number): Promise<void> {
  for (const { key } of await store.list(prefix)) {
    const dispatchId = key.slice(prefix.length)
    if (saysWhen(dispatchId) && mintedAt(dispatchId) < now - KEPT_MS) await store.delete(key)
  }
}

/** A UUID of version 7 begins with the time at which it was made; any other one says nothing of it. */
function saysWhen(uuid: string): boolean {
  return uuid[VERSION_AT] === '7'
}

const VERSION_AT = 14
const KEPT_MS = 30 * 24 * 3_600_000
