import type { TaskVerdict } from './classify-task.ts'

/** Bounds of the pace at which tasks are asked about, in milliseconds. */
export interface PollPace {
  readonly shortestMs: number
  readonly longestMs: number
}

/** A task is asked about again after a tenth of the time that it has run. */
const SHARE_OF_AGE = 0.1

/** When to ask about a task again: soon while it starts, stops or is young, and rarely once it has run for long. */
export function nextPollMs(verdict: TaskVerdict['kind'], ageMs: number, { shortestMs, longestMs }: PollPace): number {
  if (verdict === 'stopping' || verdict === 'unknown') return shortestMs
  return Math.max(shortestMs, Math.min(longestMs, ageMs * SHARE_OF_AGE))
}
