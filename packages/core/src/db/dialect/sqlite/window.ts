import { statement } from '../../statement.ts'
import type { RunStatement, Window, WindowRow } from '../dialect.ts'

const windowOfRun = statement(
  () => `
  select id, run_key, is_admissible from (
    select * from (${firstOf(0)})
    union all select * from (${firstOf(1)})
  )
  order by priority desc, task_index, map_index
  limit $2`,
)

function firstOf(isAdmissible: 0 | 1): string {
  return `
    select id, run_key, is_admissible, priority, task_index, map_index from task_instance
    where run_key = $1 and is_admissible = ${isAdmissible} and state = 'scheduled' and ready_at is null
    order by priority desc, task_index, map_index
    limit $2`
}

// SQLite has no lateral join; a statement for each run costs it microseconds.
export async function windowOf(run: RunStatement, windows: readonly Window[]): Promise<readonly WindowRow[]> {
  const rows: WindowRow[] = []
  for (const { runKey, places } of windows)
    rows.push(...(await run<WindowRow>(windowOfRun, [runKey, Math.max(0, places)])))
  return rows
}
