import type { RunContext } from '@fairlead/protocol'
import type { DagRunRow } from '../../db/queries/dag-run-reads.ts'
import { isoOf } from '../rest/wire.ts'

/** What a task is told of its run when it starts. */
export function runContextOf(
  run: DagRunRow,
  attempt: { readonly tryNumber: number; readonly maxTries: number },
): RunContext {
  return {
    dag_run: {
      dag_id: run.dag_id,
      run_id: run.run_id,
      logical_date: isoOf(run.logical_date),
      data_interval_start: isoOf(run.data_interval_start),
      data_interval_end: isoOf(run.data_interval_end),
      run_after: isoOf(run.run_after),
      start_date: isoOf(run.started_at),
      end_date: isoOf(run.ended_at),
      run_type: run.run_type,
      state: run.state,
      conf: run.conf === null ? {} : (JSON.parse(run.conf) as Record<string, unknown>),
      consumed_asset_events: [],
    },
    task_reschedule_count: 0,
    // Airflow counts the tries after the first one.
    max_tries: attempt.maxTries - 1,
    variables: [],
    connections: [],
    // Cleared where the try began: a worker has nothing to do.
    xcom_keys_to_clear: [],
    should_retry: attempt.tryNumber < attempt.maxTries,
  }
}
