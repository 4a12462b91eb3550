import type { TerminalTaskInstanceState } from '@fairlead/protocol'

/** How many upstream task instances ended in each state. Setup tasks are also part of the first five. */
export interface UpstreamTally {
  success: number
  failed: number
  upstreamFailed: number
  skipped: number
  removed: number
  setupSuccess: number
  setupSkipped: number
}

/** A tally of nothing yet. */
export function emptyTally(): UpstreamTally {
  return { success: 0, failed: 0, upstreamFailed: 0, skipped: 0, removed: 0, setupSuccess: 0, setupSkipped: 0 }
}

/** Counts one upstream that has ended. */
export function countUpstream(tally: UpstreamTally, state: TerminalTaskInstanceState, isSetup: boolean): void {
  tally[FIELD[state]] += 1
  if (isSetup && state === 'success') tally.setupSuccess += 1
  if (isSetup && state === 'skipped') tally.setupSkipped += 1
}

const FIELD = {
  success: 'success',
  failed: 'failed',
  upstream_failed: 'upstreamFailed',
  skipped: 'skipped',
  removed: 'removed',
} as const satisfies Record<TerminalTaskInstanceState, keyof UpstreamTally>
