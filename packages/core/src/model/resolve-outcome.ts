import type { FailureCause, TaskError, TaskStateReport, WorkloadExit } from '@fairlead/protocol'

/**
 * What the end of one try means for its row.
 *
 * Invariant 1: what the task said about itself outranks how its process died.
 * Invariant 2: a launch that never started costs no try while the launch budget lasts; one that would be refused each
 * time fails at once.
 */

/** What is known when a try ends. */
export interface EndedTry {
  /** The state the supervisor reported, or null when none arrived. `error` is what user code threw. */
  report: { state: TaskStateReport['state']; error?: TaskError | null | undefined } | null
  /** How the process ended, or null while only the report is known. */
  exit: WorkloadExit | null
  /** The try that ended, 1-based, and how many there may be (1 + retries). */
  tryNumber: number
  maxTries: number
  /** Launches of this try that never started, this one included, and how many there may be. */
  launchAttempts: number
  launchBudget: number
}

/** What to do with the row. `ignore`: this end says nothing about it. */
export type Outcome =
  | { kind: 'settled'; state: 'success' | 'failed' | 'skipped'; cause: FailureCause | null }
  | { kind: 'retry'; cause: FailureCause }
  /** Tried again at once, whatever tries are left: a server's own stop is no fault of the task's. */
  | { kind: 'restart'; cause: FailureCause }
  | { kind: 'relaunch'; cause: FailureCause }
  | { kind: 'ignore' }

/** The outcome of a try that ended. */
export function resolveOutcome(ended: EndedTry): Outcome {
  const { report, exit } = ended
  // A superseded try has no say: another dispatch owns the row.
  if (exit?.kind === 'superseded') return { kind: 'ignore' }
  if (report !== null) return outcomeOfReport(ended, report, exit)
  return exit === null ? { kind: 'ignore' } : outcomeOfExit(ended, exit)
}

type Report = NonNullable<EndedTry['report']>
type OwnExit = Exclude<WorkloadExit, { kind: 'superseded' }>

function outcomeOfReport(ended: EndedTry, report: Report, exit: OwnExit | null): Outcome {
  switch (report.state) {
    case 'success':
    case 'skipped':
      return { kind: 'settled', state: report.state, cause: null }
    case 'failed':
      return failed(causeOfReport(report, exit))
    case 'up_for_retry':
      if (exit?.kind === 'cancelled') return failed('cancelled')
      return retryOrFail(ended, causeOfReport(report, exit))
    default:
      return report.state satisfies never
  }
}

function outcomeOfExit(ended: EndedTry, exit: OwnExit): Outcome {
  switch (exit.kind) {
    case 'exited':
    case 'signaled':
    case 'timedOut':
    case 'lost':
      return retryOrFail(ended, causeOfExit(exit))
    case 'shutdown':
      return { kind: 'restart', cause: 'shutdown' }
    case 'neverStarted':
      if (exit.isPermanent === true) return failed('never_started')
      if (ended.launchAttempts < ended.launchBudget) return { kind: 'relaunch', cause: 'never_started' }
      return retryOrFail(ended, 'never_started')
    case 'cancelled':
      return failed('cancelled')
    default:
      return exit satisfies never
  }
}

/** A stop the supervisor ordered came before whatever user code threw on its way out: the first cause wins. */
function causeOfReport(report: Report, exit: OwnExit | null): FailureCause {
  if (exit === null) return 'user_error'
  if (exit.kind === 'timedOut' || exit.kind === 'cancelled' || exit.kind === 'shutdown') return causeOfExit(exit)
  if (report.error || (exit.kind === 'exited' && exit.exitCode === 0)) return 'user_error'
  return causeOfExit(exit)
}

function causeOfExit(exit: OwnExit): FailureCause {
  switch (exit.kind) {
    case 'exited':
      // A process that ends well without having reported is one we lost track of.
      return exit.exitCode === 0 ? 'lost' : 'nonzero_exit'
    case 'signaled':
      return exit.cause
    case 'timedOut':
      return 'timed_out'
    case 'neverStarted':
      return 'never_started'
    case 'cancelled':
    case 'shutdown':
    case 'lost':
      return exit.kind
    default:
      return exit satisfies never
  }
}

function retryOrFail(ended: EndedTry, cause: FailureCause): Outcome {
  return ended.tryNumber < ended.maxTries ? { kind: 'retry', cause } : failed(cause)
}

function failed(cause: FailureCause): Outcome {
  return { kind: 'settled', state: 'failed', cause }
}
