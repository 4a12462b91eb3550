import { DEFAULT_POOL } from '@fairlead/protocol'
import type { Kysely, Selectable } from 'kysely'
import type { Tx } from '../database.ts'
import type { PoolTable, Schema } from '../schema.ts'

/** The rows of pools. */

/** One pool. */
export type PoolRow = Selectable<PoolTable>

/** Makes the default pool, unless it is there: what an operator has made of it stays. */
export async function createDefaultPool(tx: Tx, slots: number): Promise<void> {
  await insertPool(tx, { name: DEFAULT_POOL, slots, description: 'Default pool', include_deferred: 0 })
}

/** Inserts a pool. False when there is one of this name. */
export async function insertPool({ query }: Tx, row: PoolRow): Promise<boolean> {
  const insert = query.insertInto('pool').values(row).returning('name')
  return (await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()) !== undefined
}

/** One pool by its name. */
export function findPool(db: Kysely<Schema>, name: string): Promise<PoolRow | undefined> {
  return db.selectFrom('pool').selectAll().where('name', '=', name).executeTakeFirst()
}

/** How many slots each pool has. */
export async function readPoolSizes({ query }: Tx): Promise<ReadonlyMap<string, number>> {
  const pools = await query.selectFrom('pool').select(['name', 'slots']).execute()
  return new Map(pools.map(({ name, slots }) => [name, slots]))
}

/** Changes a pool. */
export async function updatePoolRow({ query }: Tx, name: string, change: Omit<PoolRow, 'name'>): Promise<void> {
  await query.updateTable('pool').set(change).where('name', '=', name).execute()
}

/** Deletes a pool. False when there is none of this name. */
export async function deletePoolRow({ query }: Tx, name: string): Promise<boolean> {
  const deleted = query.deleteFrom('pool').where('name', '=', name).returning('name')
  return (await deleted.executeTakeFirst()) !== undefined
}
