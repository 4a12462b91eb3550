import type { DagRunState } from '@fairlead/protocol'

/**
 * State of a started Dag run. It ends when every task instance is settled, and fails when a leaf (a task without
 * downstream tasks) ended `failed` or `upstream_failed`: a failure that something downstream handled does not count.
 */
export function dagRunOutcome(run: { unfinished: number; failedLeaves: number }): Exclude<DagRunState, 'queued'> {
  if (run.unfinished > 0) return 'running'
  return run.failedLeaves > 0 ? 'failed' : 'success'
}
