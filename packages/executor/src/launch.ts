import type { WorkloadExit } from '@fairlead/protocol'
import { isLaunchRefused, isOutcomeUnknown, postponementOf } from './executor-error.ts'
import type { SyncOptions, WorkloadOptions } from './executor.ts'
import type { ExecuteOptions, Launch, LaunchResult } from './held-workload.ts'

const FIRST_REPEAT_MS = 500
const LONGEST_REPEAT_MS = 30_000

/** One call that begins workloads, and where its results go. */
export interface LaunchCall {
  readonly size: number
  /** When the call is to be given up, by the executor's clock. */
  readonly deadline: number
  begin(options: SyncOptions): Promise<readonly LaunchResult[]>
  /** `isLate` when the call was given up before, and its outcome counted as unknown. */
  onResult(index: number, result: LaunchResult & { isLate: boolean }): void
}

/** Begins a call that is over when it answers or when it is given up, whichever comes first. */
export function beginLaunch(call: LaunchCall): Launch {
  const givingUp = new GivingUp()
  return {
    deadline: call.deadline,
    giveUp: (reason) => givingUp.giveUp(reason),
    settled: runLaunch(call, givingUp),
  }
}

/** What an executor is given beside a workload. Its signal is made when somebody asks for it: most never do. */
export class LazyOptions implements ExecuteOptions {
  readonly #options: WorkloadOptions
  readonly #launch: SyncOptions

  constructor(options: WorkloadOptions, launch: SyncOptions) {
    this.#options = options
    this.#launch = launch
  }

  get queue(): string {
    return this.#options.queue
  }

  get executorConfig(): unknown {
    return this.#options.executorConfig
  }

  get signal(): AbortSignal {
    return this.#launch.signal
  }
}

/** An abort that costs nothing until it happens or somebody listens. */
class GivingUp implements SyncOptions {
  #controller: AbortController | null = null
  #listener: () => void = () => undefined
  reason: unknown = null
  isGivenUp = false

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.isGivenUp && !this.#controller.signal.aborted) this.#controller.abort(this.reason)
    return this.#controller.signal
  }

  giveUp(reason: unknown): void {
    if (this.isGivenUp) return
    this.isGivenUp = true
    this.reason = reason
    this.#controller?.abort(reason)
    this.#listener()
  }

  /** Calls the one listener when given up, or at once when that happened before. */
  onGiveUp(listener: () => void): void {
    if (this.isGivenUp) listener()
    else this.#listener = listener
  }
}

/** What a rejected call says of its workloads: after an abort nothing is sure. */
export function resultOfError(error: unknown, signal: AbortSignal): LaunchResult {
  const detail = error instanceof Error ? error.message : String(error)
  const afterMs = postponementOf(error)
  if (afterMs !== null) return { kind: 'postponed', detail, afterMs }
  if (signal.aborted || isOutcomeUnknown(error)) return { kind: 'unknown', detail }
  return { kind: 'neverStarted', detail, ...(isLaunchRefused(error) ? { isPermanent: true } : {}) }
}

/** How a workload ended whose launch was refused. */
export function exitOfRefusal(result: Extract<LaunchResult, { kind: 'neverStarted' }>): WorkloadExit {
  const { kind, detail, isPermanent } = result
  return { kind, detail, ...(isPermanent === true ? { isPermanent } : {}) }
}

/** Delay before a call of unknown outcome is repeated. */
export function repeatDelayMs(unknownCount: number): number {
  return Math.min(LONGEST_REPEAT_MS, FIRST_REPEAT_MS * 2 ** (unknownCount - 1))
}

async function runLaunch(call: LaunchCall, givingUp: GivingUp): Promise<void> {
  // The caller notes this launch first: user code may report from its first turn.
  await Promise.resolve()
  await new Promise<void>((resolve) => {
    let isOver = false
    const settle = (results: readonly LaunchResult[]): void => {
      deliver(call, results, isOver)
      isOver = true
      resolve()
    }
    void answer(call, givingUp).then(settle)
    givingUp.onGiveUp(() => {
      if (!isOver) settle(unknownResults(call, givingUp.reason))
    })
  })
}

async function answer(call: LaunchCall, givingUp: GivingUp): Promise<readonly LaunchResult[]> {
  try {
    return await call.begin(givingUp)
  } catch (error) {
    return Array.from({ length: call.size }, () => resultOfError(error, givingUp.signal))
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
