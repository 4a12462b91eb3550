import { z } from 'zod'
import type { ApiContext } from '../api-context.ts'
import { dagRunSchema, dagRunToWire } from './dag-runs.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireDagRun } from './require.ts'

/** Airflow's run, and how many processes are being stopped. */
export const changedRunSchema = dagRunSchema.extend({ stopping: z.int() }).meta({ id: 'ChangedDAGRunResponse' })

/** A run by its ids. */
export interface RunIds {
  readonly dagId: string
  readonly runId: string
}

/** Shows a run as it is now. */
export async function changedRun(
  { context, versions }: { context: ApiContext; versions: VersionCache },
  { dagId, runId }: RunIds,
  stopping: number,
): Promise<z.infer<typeof changedRunSchema>> {
  const row = await requireDagRun(context, dagId, runId)
  const wire = dagRunToWire(row, (await versions.of([row.version_id])).get(row.version_id))
  return { ...wire, stopping }
}
