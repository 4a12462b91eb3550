import type { Tx } from '../database.ts'

/** The rows of runs, where nothing is counted. */

/** The runs of a Dag that are running. */
export async function readRunningKeys({ query }: Tx, dagId: string): Promise<readonly number[]> {
  const runs = query.selectFrom('dag_run').select('run_key').where('dag_id', '=', dagId)
  return (await runs.where('state', '=', 'running').execute()).map((run) => run.run_key)
}

/** The logical date of a Dag's last scheduled run, or null. */
export async function readLastScheduledDate({ query }: Tx, dagId: string): Promise<number | null> {
  const runs = query.selectFrom('dag_run').where('dag_id', '=', dagId).where('run_type', '=', 'scheduled')
  const row = await runs.select((eb) => eb.fn.max('logical_date').as('date')).executeTakeFirst()
  return row?.date ?? null
}

/** Writes or takes away the note of a run. */
export async function writeRunNote(
  { query }: Tx,
  { dagId, runId, note }: { readonly dagId: string; readonly runId: string; readonly note: string | null },
): Promise<void> {
  await query.updateTable('dag_run').set({ note }).where('dag_id', '=', dagId).where('run_id', '=', runId).execute()
}

/** Deletes a run with its tries and XComs. */
export async function deleteRunRows({ query }: Tx, runKey: number): Promise<void> {
  for (const table of ['task_instance', 'task_instance_history', 'xcom', 'dag_run'] as const)
    await query.deleteFrom(table).where('run_key', '=', runKey).execute()
}
