import { isTerminal, type TaskInstanceState, type TriggerRule } from '@fairlead/protocol'

/** An upstream as a trigger rule sees it. */
export interface OracleUpstream {
  readonly state: TaskInstanceState
  readonly isSetup: boolean
}

/** What a rule says. */
export type OracleDecision = 'run' | 'wait' | 'skip' | 'upstream_failed'

/** Trigger rules by their definitions, over lists of states instead of counts. */
export function naiveDecision(rule: TriggerRule, upstream: readonly OracleUpstream[]): OracleDecision {
  if (upstream.length === 0 || rule === 'always') return 'run'
  const some = (...states: TaskInstanceState[]): boolean => upstream.some((one) => states.includes(one.state))
  const isDone = upstream.every((one) => isTerminal(one.state))
  const hasFailed = some('failed', 'upstream_failed')
  const whenDone = (decision: OracleDecision): OracleDecision => (isDone ? decision : 'wait')
  switch (rule) {
    case 'all_success':
      return hasFailed ? 'upstream_failed' : some('skipped') ? 'skip' : whenDone('run')
    case 'all_failed':
      return some('success', 'skipped') ? 'skip' : whenDone('run')
    case 'all_done':
      return whenDone('run')
    case 'all_done_min_one_success':
      return some('skipped') ? 'skip' : whenDone(some('success') ? 'run' : 'upstream_failed')
    case 'all_done_setup_success':
      return whenDone(setupDecision(upstream.filter((one) => one.isSetup)))
    case 'all_skipped':
      return some('success') || hasFailed ? 'skip' : whenDone('run')
    case 'one_success':
      if (some('success')) return 'run'
      return whenDone(upstream.every((one) => one.state === 'skipped') ? 'skip' : 'upstream_failed')
    case 'one_failed':
      return hasFailed ? 'run' : whenDone('skip')
    case 'one_done':
      return some('success', 'failed') ? 'run' : whenDone('skip')
    case 'none_failed':
      return hasFailed ? 'upstream_failed' : whenDone('run')
    case 'none_failed_min_one_success':
      return hasFailed ? 'upstream_failed' : whenDone(some('success') ? 'run' : 'skip')
    case 'none_skipped':
      return some('skipped') ? 'skip' : whenDone('run')
    default:
      return rule satisfies never
  }
}

function setupDecision(setups: readonly OracleUpstream[]): OracleDecision {
  if (setups.length === 0 || setups.some((one) => one.state === 'success')) return 'run'
  return setups.every((one) => one.state === 'skipped') ? 'skip' : 'upstream_failed'
}
