import { z } from 'zod'
import type { ExecutorGate } from '../../model/route.ts'
import type { Tx } from '../database.ts'

/** What the audit log says of a claim that went past executors. */
const detailSchema = z.object({
  passedOver: z
    .array(
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('executor_not_configured'), executor: z.string() }),
        z.object({ kind: z.literal('executor_unhealthy'), executor: z.string(), reason: z.string() }),
        z.object({ kind: z.literal('executor_full'), executor: z.string(), parallelism: z.int() }),
      ]),
    )
    .default([]),
})

/** Why the executors before the one that took a task instance's last try did not; empty when the first one did. */
export async function readPassedOver({ query }: Tx, taskInstanceId: string): Promise<readonly ExecutorGate[]> {
  const claim = await query
    .selectFrom('task_instance as ti')
    .innerJoin('audit_log as a', (join) =>
      join
        .onRef('a.dag_id', '=', 'ti.dag_id')
        .onRef('a.run_id', '=', 'ti.run_id')
        .onRef('a.dispatch_id', '=', 'ti.dispatch_id'),
    )
    .select('a.detail')
    .where('ti.id', '=', taskInstanceId)
    .where('a.from_state', '=', 'scheduled')
    .where('a.to_state', '=', 'queued')
    .executeTakeFirst()
  const detail = claim?.detail ?? null
  return detail === null ? [] : detailSchema.parse(JSON.parse(detail)).passedOver
}
