import type { Tx } from '../database.ts'

/** Rows of executors' own, by executor name and key. */

/** The value under a key, or undefined. */
export async function readExecutorRow({ query }: Tx, executor: string, key: string): Promise<unknown> {
  const row = await query
    .selectFrom('executor_row')
    .select('value')
    .where('executor', '=', executor)
    .where('key', '=', key)
    .executeTakeFirst()
  return row === undefined ? undefined : JSON.parse(row.value)
}

/** Sets the value under a key. */
export async function writeExecutorRow(
  { query }: Tx,
  { executor, key, value }: { executor: string; key: string; value: unknown },
): Promise<void> {
  const text = JSON.stringify(value)
  await query
    .insertInto('executor_row')
    .values({ executor, key, value: text })
    .onConflict((conflict) => conflict.columns(['executor', 'key']).doUpdateSet({ value: text }))
    .execute()
}

/** Forgets a key. */
export async function deleteExecutorRow({ query }: Tx, executor: string, key: string): Promise<void> {
  await query.deleteFrom('executor_row').where('executor', '=', executor).where('key', '=', key).execute()
}

/** Every key that begins with a prefix, in order. */
export async function listExecutorRows(
  { query }: Tx,
  executor: string,
  prefix: string,
): Promise<Array<{ key: string; value: unknown }>> {
  const rows = await query
    .selectFrom('executor_row')
    .select(['key', 'value'])
    .where('executor', '=', executor)
    .orderBy('key')
    .execute()
  return rows
    .filter((row) => row.key.startsWith(prefix))
    .map((row) => ({ key: row.key, value: JSON.parse(row.value) as unknown }))
}
