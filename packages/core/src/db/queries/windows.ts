import type { Tx } from '../database.ts'
import type { Window } from '../dialect/dialect.ts'
import { statement } from '../statement.ts'

const admitToWindow = statement(
  ({ rows }) => `
  update task_instance set is_admissible = 1
  where state = 'scheduled' and is_admissible = 0 and id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const evictFromWindow = statement(
  ({ rows }) => `
  update task_instance set is_admissible = 0
  where state = 'scheduled' and is_admissible = 1
    and run_key in (select in_run_key from ${rows(1, { in_run_key: 'int' })} as d)
    and id not in (select in_id from ${rows(2, { in_id: 'text' })} as w)`,
)

/**
 * Makes exactly the first places of each run admissible, in each lane: a run never shows a lane more than it could
 * start, so what is blocked by a run's limit costs admission nothing, and what waits for one full executor or pool
 * never hides what could go elsewhere.
 */
export async function setWindows(tx: Tx, windows: readonly Window[]): Promise<void> {
  const inside = await tx.windowOf(windows)
  const entering = inside.filter((row) => row.is_admissible === 0)
  const insideIds = JSON.stringify(inside.map((row) => [row.id]))
  await tx.all(evictFromWindow, [JSON.stringify(windows.map((window) => [window.runKey])), insideIds])
  if (entering.length > 0) await tx.all(admitToWindow, [JSON.stringify(entering.map((row) => [row.id]))])
}
