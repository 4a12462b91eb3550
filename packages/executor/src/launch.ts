import { isOutcomeUnknown } from './executor-error.ts'
import type { Launch, LaunchResult } from './held-workload.ts'

const FIRST_REPEAT_MS = 500
const LONGEST_REPEAT_MS = 30_000

/** One call that begins workloads, and where its results go. */
export interface LaunchCall {
  readonly size: number
  /** When the call is to be given up, by the executor's clock. */
  readonly deadline: number
  begin(signal: AbortSignal): Promise<readonly LaunchResult[]>
  /** `isLate` when the call was given up before, and its outcome counted as unknown. */
  onResult(index: number, result: LaunchResult & { isLate: boolean }): void
}

/** Begins a call that is over when it answers or when it is given up, whichever comes first. */
export function beginLaunch(call: LaunchCall): Launch {
  const controller = new AbortController()
  return { controller, deadline: call.deadline, settled: runLaunch(call, controller.signal) }
}

/** What a rejected call says of its workloads: after an abort nothing is sure. */
export function resultOfError(error: unknown, signal: AbortSignal): LaunchResult {
  const detail = error instanceof Error ? error.message : String(error)
  return signal.aborted || isOutcomeUnknown(error) ? { kind: 'unknown', detail } : { kind: 'neverStarted', detail }
}

/** Delay before a call of unknown outcome is repeated. */
export function repeatDelayMs(unknownCount: number): number {
  return Math.min(LONGEST_REPEAT_MS, FIRST_REPEAT_MS * 2 ** (unknownCount - 1))
}

async function runLaunch(call: LaunchCall, signal: AbortSignal): Promise<void> {
  // The caller notes this launch first: user code may report from its first turn.
  await Promise.resolve()
  let isLate = false
  const answered = answer(call, signal).then((results) => deliver(call, results, isLate))
  const isGivenUp = await Promise.race([answered.then(() => false), aborted(signal)])
  if (!isGivenUp) return
  isLate = true
  deliver(call, unknownResults(call, signal.reason), false)
}

async function answer(call: LaunchCall, signal: AbortSignal): Promise<readonly LaunchResult[]> {
  try {
    return await call.begin(signal)
  } catch (error) {
    return Array.from({ length: call.size }, () => resultOfError(error, signal))
  }
}

function deliver(call: LaunchCall, results: readonly LaunchResult[], isLate: boolean): void {
  for (let index = 0; index < call.size; index += 1) {
    const result = results[index] ?? {
      kind: 'unknown',
      detail: `the batch answered ${results.length} of ${call.size} results`,
    }
    call.onResult(index, { ...result, isLate })
  }
}

function unknownResults(call: LaunchCall, reason: unknown): readonly LaunchResult[] {
  const detail = reason instanceof Error ? reason.message : 'the call was aborted'
  return Array.from({ length: call.size }, () => ({ kind: 'unknown', detail }))
}

function aborted(signal: AbortSignal): Promise<true> {
  if (signal.aborted) return Promise.resolve(true)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(true), { once: true }))
}
