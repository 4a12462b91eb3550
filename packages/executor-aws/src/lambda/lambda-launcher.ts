import {
  isOutcomeUnknown,
  launchPostponed,
  launchRefused,
  type ExecutorHost,
  type WorkloadOptions,
} from '@fairlead/executor'
import type { DispatchId, ExecuteTask } from '@fairlead/protocol'
import { failureOf, type AwsFailure } from '../shared/aws-failure.ts'
import { launchErrorOf } from '../shared/launch-error.ts'
import { LaunchGate } from '../shared/launch-gate.ts'
import { decideLaunch, NO_HISTORY, type LaunchDecision, type LaunchHistory } from '../shared/launch-policy.ts'
import { profileForQueue } from '../shared/profile-for-queue.ts'
import { deadlineOf, misfitOf } from './deadline.ts'
import type { FunctionBook, KnownFunction } from './function-book.ts'
import type { Invocation, InvocationRows } from './invocation-rows.ts'
import type { FunctionTarget, LambdaApi } from './lambda-api.ts'
import { bytesOfEvent } from './lambda-event.ts'
import type { LambdaSettings, LambdaTaskConfig } from './lambda-settings.ts'

/** What launching needs. */
export interface LauncherParts {
  readonly host: ExecutorHost
  readonly settings: LambdaSettings
  readonly api: LambdaApi
  readonly functions: FunctionBook
  readonly rows: InvocationRows
}

/** What was begun. */
export interface Launched {
  readonly requestId: string
  readonly invocation: Invocation
}

/**
 * Has functions invoked. Lambda takes no token that makes an invocation repeatable; a second one of the same hand-over is
 * harmless, since the API lets one worker alone redeem its ticket.
 *
 * Invariant: the row that says so, with its deadline, is written before the call.
 */
export class LambdaLauncher {
  readonly #parts: LauncherParts
  readonly #gate: LaunchGate
  readonly #histories = new Map<DispatchId, LaunchHistory>()

  constructor(parts: LauncherParts) {
    this.#parts = parts
    this.#gate = new LaunchGate({ now: () => parts.host.clock.now(), random: Math.random })
  }

  /** Throws what says that it is to be tried again, or that it never will begin. */
  async launch(workload: ExecuteTask, options: WorkloadOptions, signal: AbortSignal): Promise<Launched> {
    const { dispatchId } = workload.taskInstance
    const { api, rows } = this.#parts
    const target = targetOf(this.#parts.settings, options)
    const event = this.#eventOf(workload)
    // One call finds out for all; the others wait without asking.
    const waitMs = this.#gate.waitMs()
    if (waitMs > 0) throw launchPostponed(`AWS Lambda is not asked yet: ${this.#gate.reason ?? ''}`, waitMs)
    const known = await this.#asking(dispatchId, () => this.#parts.functions.of(target, signal), true)
    refuseMisfit(workload, target, known)
    const invocation = this.#invocationOf(target, known)
    const isFirst = (await rows.read(dispatchId)) === null
    await rows.write(dispatchId, invocation)
    const requestId = await this.#asking(dispatchId, () => api.invoke(target, event, signal)).catch(
      async (error: unknown) => {
        // What was refused for sure does not run: nobody is to wait for it.
        if (isFirst && !isOutcomeUnknown(error)) await rows.delete(dispatchId)
        throw error
      },
    )
    this.#gate.open()
    return { requestId, invocation }
  }

  /** Nothing of it is launched any more. */
  forget(dispatchId: DispatchId): void {
    this.#histories.delete(dispatchId)
  }

  #eventOf(workload: ExecuteTask): Uint8Array {
    const { host, settings } = this.#parts
    const { logUrl, resultQueueUrl } = settings
    return bytesOfEvent({
      apiUrl: settings.apiUrl ?? host.apiUrl,
      dispatchId: workload.taskInstance.dispatchId,
      ticket: workload.token,
      executor: host.name,
      ...(logUrl === undefined ? {} : { logUrl }),
      ...(resultQueueUrl === undefined ? {} : { resultQueueUrl }),
    })
  }

  #invocationOf(target: FunctionTarget, known: KnownFunction): Invocation {
    const { host, settings } = this.#parts
    const invokedAt = host.clock.now()
    return { ...target, invokedAt, deadlineAt: deadlineOf(invokedAt, known, settings.deadlineSlackMs) }
  }

  /** Says of a failed call what becomes of the workload. A failed question, unlike an invocation, did nothing. */
  async #asking<T>(dispatchId: DispatchId, call: () => Promise<T>, isQuestion = false): Promise<T> {
    try {
      return await call()
    } catch (error) {
      const decision = this.#decide(dispatchId, failureOf(error))
      if (isQuestion && decision.kind === 'repeat') throw launchPostponed(decision.detail, QUESTION_PAUSE_MS, error)
      throw launchErrorOf(decision, 'AWS Lambda', error)
    }
  }

  #decide(dispatchId: DispatchId, failure: AwsFailure): LaunchDecision {
    const history = this.#histories.get(dispatchId) ?? NO_HISTORY
    const gateMs = this.#gate.close(failure)
    const { host, settings } = this.#parts
    const decision = decideLaunch(failure, history, {
      now: host.clock.now(),
      random: Math.random,
      capacityTimeoutMs: null,
      capacityBackoff: settings.capacityBackoff,
      gateMs,
    })
    if (decision.kind === 'postpone') this.#histories.set(dispatchId, decision.history)
    return decision
  }
}

/** The function that runs a task: what the task says, over what its queue says, over the settings. */
export function targetOf(settings: LambdaSettings, { queue, executorConfig }: WorkloadOptions): FunctionTarget {
  const found = profileForQueue(queue, settings.queues)
  if (found.kind === 'unknown') throw launchRefused(found.detail)
  const layers: readonly LambdaTaskConfig[] = [settings, found.profile ?? {}, executorConfig ?? {}]
  return layers.reduce<FunctionTarget>(
    (below, { functionName, qualifier }) =>
      functionName === undefined
        ? { ...below, qualifier: qualifier === undefined ? below.qualifier : qualifier }
        : // The alias of one function says nothing of another.
          { functionName, qualifier: qualifier ?? null },
    { functionName: settings.functionName, qualifier: null },
  )
}

function refuseMisfit(workload: ExecuteTask, { functionName }: FunctionTarget, { facts }: KnownFunction): void {
  const misfit = misfitOf(workload.executionTimeoutMs, functionName, facts.timeoutMs)
  if (misfit !== null) throw launchRefused(misfit)
}

const QUESTION_PAUSE_MS = 2000
