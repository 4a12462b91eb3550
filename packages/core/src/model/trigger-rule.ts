import type { TriggerRule } from '@fairlead/protocol'
import type { UpstreamTally } from './upstream-tally.ts'

/**
 * Airflow 3's trigger rules as arithmetic on counts. Removed upstreams count as absent where Airflow would wait for
 * them for ever: every rule decides once all upstreams are done, and then never goes back to waiting.
 */

/** How many direct upstream task instances there are, and how many of them ended in each state. */
export interface UpstreamCounts extends UpstreamTally {
  readonly total: number
  readonly setupTotal: number
}

/** What a trigger rule says about a task: run it, wait, or settle it without running. */
export type TriggerDecision = 'run' | 'wait' | 'skip' | 'upstream_failed'

/** The decision of `rule`, as early as the counts allow it. A task without upstreams always runs. */
export function evaluateTriggerRule(rule: TriggerRule, counts: UpstreamCounts): TriggerDecision {
  return counts.total === 0 ? 'run' : RULES[rule](counts)
}

const RULES: Record<TriggerRule, (counts: UpstreamCounts) => TriggerDecision> = {
  always: () => 'run',

  all_success(counts) {
    if (failures(counts) > 0) return 'upstream_failed'
    if (counts.skipped > 0) return 'skip'
    return runWhenDone(counts)
  },

  all_failed(counts) {
    if (counts.success + counts.skipped > 0) return 'skip'
    return runWhenDone(counts)
  },

  all_done: (counts) => runWhenDone(counts),

  // A skipped upstream is not "done" for this rule, and will never be: the task is skipped with it.
  all_done_min_one_success(counts) {
    if (counts.skipped > 0) return 'skip'
    if (!isDone(counts)) return 'wait'
    return counts.success > 0 ? 'run' : 'upstream_failed'
  },

  all_done_setup_success(counts) {
    if (!isDone(counts)) return 'wait'
    if (counts.setupTotal === 0 || counts.setupSuccess > 0) return 'run'
    return counts.setupSkipped >= counts.setupTotal ? 'skip' : 'upstream_failed'
  },

  all_skipped(counts) {
    if (counts.success + failures(counts) > 0) return 'skip'
    return runWhenDone(counts)
  },

  one_success(counts) {
    if (counts.success > 0) return 'run'
    if (!isDone(counts)) return 'wait'
    return counts.skipped === counts.total ? 'skip' : 'upstream_failed'
  },

  one_failed(counts) {
    if (failures(counts) > 0) return 'run'
    return isDone(counts) ? 'skip' : 'wait'
  },

  // Only upstreams that ran count: skipped and upstream_failed ones do not fire it.
  one_done(counts) {
    if (counts.success + counts.failed > 0) return 'run'
    return isDone(counts) ? 'skip' : 'wait'
  },

  none_failed(counts) {
    if (failures(counts) > 0) return 'upstream_failed'
    return runWhenDone(counts)
  },

  none_failed_min_one_success(counts) {
    if (failures(counts) > 0) return 'upstream_failed'
    if (!isDone(counts)) return 'wait'
    return counts.success > 0 ? 'run' : 'skip'
  },

  none_skipped(counts) {
    if (counts.skipped > 0) return 'skip'
    return runWhenDone(counts)
  },
}

function failures(counts: UpstreamCounts): number {
  return counts.failed + counts.upstreamFailed
}

function isDone(counts: UpstreamCounts): boolean {
  return counts.success + failures(counts) + counts.skipped + counts.removed >= counts.total
}

function runWhenDone(counts: UpstreamCounts): TriggerDecision {
  return isDone(counts) ? 'run' : 'wait'
}
