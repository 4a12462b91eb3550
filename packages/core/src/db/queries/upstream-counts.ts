import type { UpstreamTally } from '../../model/upstream-tally.ts'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** What settled upstreams add to the counts of one downstream task. */
export interface UpstreamChange extends UpstreamTally {
  readonly runKey: number
  readonly taskIndex: number
}

/** A task that has not been decided, with its counts. */
export interface CountedRow {
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly try_number: number
  readonly up_success: number
  readonly up_failed: number
  readonly up_upstream_failed: number
  readonly up_skipped: number
  readonly up_removed: number
  readonly up_setup_success: number
  readonly up_setup_skipped: number
}

const countUpstreams = statement(
  ({ rows }) => `
  update task_instance set
    up_success = up_success + d.in_success, up_failed = up_failed + d.in_failed,
    up_upstream_failed = up_upstream_failed + d.in_upstream_failed, up_skipped = up_skipped + d.in_skipped,
    up_removed = up_removed + d.in_removed, up_setup_success = up_setup_success + d.in_setup_success,
    up_setup_skipped = up_setup_skipped + d.in_setup_skipped
  from ${rows(1, {
    in_run_key: 'int',
    in_task_index: 'int',
    in_success: 'int',
    in_failed: 'int',
    in_upstream_failed: 'int',
    in_skipped: 'int',
    in_removed: 'int',
    in_setup_success: 'int',
    in_setup_skipped: 'int',
  })} as d
  where run_key = d.in_run_key and task_index = d.in_task_index and state = 'none'
  returning run_key, task_index, map_index, task_id, try_number, up_success, up_failed, up_upstream_failed, up_skipped, up_removed,
    up_setup_success, up_setup_skipped`,
)

/** Adds to the counts of undecided tasks: the only work that a settled upstream causes, whatever else is unfinished. */
export function addUpstreamCounts(tx: Tx, changes: readonly UpstreamChange[]): Promise<CountedRow[]> {
  const values = changes.map((c) => [
    c.runKey,
    c.taskIndex,
    c.success,
    c.failed,
    c.upstreamFailed,
    c.skipped,
    c.removed,
    c.setupSuccess,
    c.setupSkipped,
  ])
  return tx.all<CountedRow>(countUpstreams, [JSON.stringify(values)])
}
