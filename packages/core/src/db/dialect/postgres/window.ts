import { statement } from '../../statement.ts'
import type { RunStatement, Window, WindowRow } from '../dialect.ts'
import { lanesOfRun } from '../lanes-of-run.ts'

const windowOfRuns = statement(
  ({ rows }) => `
  select ti.id, ti.run_key, ti.is_admissible
  from ${rows(1, { in_run_key: 'int', in_places: 'int' })} as d
  cross join lateral (${lanesOfRun('d.in_run_key')}) as e
  cross join lateral (
    select * from ((${firstOf(0)}) union all (${firstOf(1)})) as either
    order by priority desc, task_index, map_index
    limit d.in_places
  ) as ti`,
)

function firstOf(isAdmissible: 0 | 1): string {
  return `
      select id, run_key, is_admissible, priority, task_index, map_index from task_instance
      where run_key = d.in_run_key and is_admissible = ${isAdmissible} and lane = e.lane and state = 'scheduled' and ready_at is null
      order by priority desc, task_index, map_index
      limit d.in_places`
}

/** One round trip for all runs. */
export function windowOf(run: RunStatement, windows: readonly Window[]): Promise<readonly WindowRow[]> {
  return run<WindowRow>(windowOfRuns, [
    JSON.stringify(windows.map(({ runKey, places }) => [runKey, Math.max(0, places)])),
  ])
}
