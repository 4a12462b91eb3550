import type { Kysely, Selectable } from 'kysely'
import type { Tx } from '../database.ts'
import type { ComponentTable, Schema } from '../schema.ts'

/** Processes that hold no lease and say now and then that they live. */

/** One of them. */
export interface ComponentRow {
  readonly id: string
  readonly kind: 'dag_processor'
  readonly hostname: string
  readonly pid: number
}

/** Notes that a component lives. */
export async function beatComponent({ query }: Tx, component: ComponentRow, now: number): Promise<void> {
  await query
    .insertInto('component')
    .values({ ...component, started_at: now, beat_at: now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ beat_at: now }))
    .execute()
}

/** Forgets components of a kind that have been silent since a moment. */
export async function forgetSilentComponents({ query }: Tx, kind: ComponentRow['kind'], since: number): Promise<void> {
  await query.deleteFrom('component').where('kind', '=', kind).where('beat_at', '<=', since).execute()
}

/** The component of a kind that was heard of last. */
export function findLatestComponent(
  db: Kysely<Schema>,
  kind: ComponentRow['kind'],
): Promise<Selectable<ComponentTable> | undefined> {
  return db.selectFrom('component').selectAll().where('kind', '=', kind).orderBy('beat_at', 'desc').executeTakeFirst()
}
