import { statement } from '../../statement.ts'
import type { RunStatement, Window, WindowRow } from '../dialect.ts'
import { lanesOfRun } from '../lanes-of-run.ts'

const lanesOf = statement(() => lanesOfRun('$1'))

const windowOfLane = statement(
  () => `
  select id, run_key, is_admissible from (
    select * from (${firstOf(0)})
    union all select * from (${firstOf(1)})
  )
  order by priority desc, task_index, map_index
  limit $3`,
)

function firstOf(isAdmissible: 0 | 1): string {
  return `
    select id, run_key, is_admissible, priority, task_index, map_index from task_instance
    where run_key = $1 and is_admissible = ${isAdmissible} and lane = $2 and state = 'scheduled' and ready_at is null
    order by priority desc, task_index, map_index
    limit $3`
}

// SQLite has no lateral join; a statement for each run and lane costs it microseconds.
export async function windowOf(run: RunStatement, windows: readonly Window[]): Promise<readonly WindowRow[]> {
  const rows: WindowRow[] = []
  for (const { runKey, places } of windows) {
    if (places <= 0) continue
    for (const { lane } of await run<{ lane: string }>(lanesOf, [runKey]))
      rows.push(...(await run<WindowRow>(windowOfLane, [runKey, lane, places])))
  }
  return rows
}
