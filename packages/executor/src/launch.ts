import { isOutcomeUnknown } from './executor-error.ts'
import type { ExecutorClock } from './executor.ts'
import type { Launch, LaunchResult } from './held-workload.ts'

const FIRST_REPEAT_MS = 500
const LONGEST_REPEAT_MS = 30_000

/** One call that begins workloads, and where its results go. */
export interface LaunchCall {
  readonly size: number
  readonly timeoutMs: number
  readonly clock: ExecutorClock
  begin(signal: AbortSignal): Promise<readonly LaunchResult[]>
  /** `isLate` when the call was given up before, and its outcome counted as unknown. */
  onResult(index: number, result: LaunchResult & { isLate: boolean }): void
}

/** Begins a call that is over when it answers, when it takes too long, or when it is aborted, whichever comes first. */
export function beginLaunch(call: LaunchCall): Launch {
  const controller = new AbortController()
  return { controller, settled: runLaunch(call, controller) }
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

async function runLaunch(call: LaunchCall, controller: AbortController): Promise<void> {
  const over = new AbortController()
  abortAfter(call, controller, over.signal)
  // The caller notes this launch first: user code may report from its first turn.
  await Promise.resolve()
  let isLate = false
  const answered = answer(call, controller.signal).then((results) => deliver(call, results, isLate))
  await Promise.race([answered.then(() => over.abort()), aborted(controller.signal)])
  if (over.signal.aborted) return
  over.abort()
  isLate = true
  deliver(call, unknownResults(call, controller.signal.reason), false)
}

function abortAfter(call: LaunchCall, controller: AbortController, over: AbortSignal): void {
  call.clock.sleep(call.timeoutMs, over).then(
    () => controller.abort(new Error(`no answer within ${call.timeoutMs} ms`)),
    // The call was over in time.
    () => undefined,
  )
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

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
