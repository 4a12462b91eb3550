import {
  launchPostponed,
  launchRefused,
  outcomeUnknown,
  type ExecutorHost,
  type WorkloadOptions,
} from '@fairlead/executor'
import type { DispatchId, ExecuteTask } from '@fairlead/protocol'
import { failureOf, type AwsFailure } from '../shared/aws-failure.ts'
import { launchErrorOf } from '../shared/launch-error.ts'
import { LaunchGate } from '../shared/launch-gate.ts'
import { decideLaunch, NO_HISTORY, type LaunchDecision, type LaunchHistory } from '../shared/launch-policy.ts'
import { profileForQueue } from '../shared/profile-for-queue.ts'
import { workerEnvironment } from '../shared/worker-environment.ts'
import type { BatchApi } from './batch-api.ts'
import type { BatchSettings } from './batch-settings.ts'
import { findJob } from './find-job.ts'
import { jobNameOf } from './job-name.ts'
import { profileOfSettings } from './profiles.ts'
import { submitRequest, type SubmitRequest } from './submit-request.ts'
import type { SubmittedRows } from './submitted-rows.ts'

/** What submitting needs. */
export interface SubmitterParts {
  readonly host: ExecutorHost
  readonly settings: BatchSettings
  readonly api: BatchApi
  readonly rows: SubmittedRows
}

/**
 * Submits jobs, each once however often it is asked to. AWS Batch takes no token for that: what may have been submitted
 * before, by this process or by one that died, is looked for by its name.
 *
 * Invariant 1: the row that says so is written before the call.
 * Invariant 2: what AWS did not take for sure waits, and is not looked for; what it may have taken is never submitted
 * again before it had time to be seen.
 */
export class JobSubmitter {
  readonly #parts: SubmitterParts
  readonly #gate: LaunchGate
  /** Submits that AWS has refused for the moment: there is no job of them. */
  readonly #refused = new Set<DispatchId>()
  readonly #histories = new Map<DispatchId, LaunchHistory>()

  constructor(parts: SubmitterParts) {
    this.#parts = parts
    this.#gate = new LaunchGate({ now: () => parts.host.clock.now(), random: Math.random })
  }

  /** The id of the job. Throws what says that it is to be tried again, or that it never will begin. */
  async submit(workload: ExecuteTask, options: WorkloadOptions, signal: AbortSignal): Promise<string> {
    const { dispatchId } = workload.taskInstance
    const request = this.#requestOf(workload, options)
    // One call finds out for all; the others wait without asking.
    const waitMs = this.#gate.waitMs()
    if (waitMs > 0) throw launchPostponed(`AWS Batch is not asked yet: ${this.#gate.reason ?? ''}`, waitMs)
    return (await this.#earlierJob(dispatchId, signal)) ?? (await this.#submit(dispatchId, request, signal))
  }

  /** Nothing of it is submitted any more. */
  forget(dispatchId: DispatchId): void {
    this.#refused.delete(dispatchId)
    this.#histories.delete(dispatchId)
  }

  #requestOf(workload: ExecuteTask, { queue, executorConfig }: WorkloadOptions): SubmitRequest {
    const { host, settings } = this.#parts
    const found = profileForQueue(queue, settings.queues)
    if (found.kind === 'unknown') throw launchRefused(found.detail)
    return submitRequest({
      jobName: jobNameOf(host.name, workload.taskInstance.dispatchId),
      layers: [profileOfSettings(settings), found.profile ?? {}, executorConfig ?? {}],
      workerEnvironment: workerEnvironment(workload, {
        apiUrl: settings.apiUrl ?? host.apiUrl,
        logUrl: settings.logUrl,
      }),
    })
  }

  async #earlierJob(dispatchId: DispatchId, signal: AbortSignal): Promise<string | null> {
    if (this.#refused.delete(dispatchId)) return null
    const { api, rows, host, settings } = this.#parts
    const row = await rows.read(dispatchId)
    if (row === null) return null
    const search = { jobName: jobNameOf(host.name, dispatchId), jobQueues: [row.jobQueue] }
    const job = await this.#asking(dispatchId, () => findJob(api, search, signal))
    if (job !== null) return job.jobId
    const age = host.clock.now() - row.submittedAt
    if (age >= 0 && age < settings.submitSettleMs)
      throw outcomeUnknown('A job of it may have been submitted, and is not to be seen yet')
    return null
  }

  async #submit(dispatchId: DispatchId, request: SubmitRequest, signal: AbortSignal): Promise<string> {
    const { api, rows, host } = this.#parts
    await rows.write(dispatchId, { jobQueue: request.jobQueue, submittedAt: host.clock.now() })
    const jobId = await this.#asking(dispatchId, () => api.submit(request, signal), true)
    this.#gate.open()
    return jobId
  }

  /** Says of a failed call what becomes of the workload, and remembers whether there can be a job. */
  async #asking<T>(dispatchId: DispatchId, call: () => Promise<T>, isSubmit = false): Promise<T> {
    try {
      return await call()
    } catch (error) {
      const decision = this.#decide(dispatchId, failureOf(error))
      if (isSubmit && decision.kind === 'postpone') this.#refused.add(dispatchId)
      throw launchErrorOf(decision, 'AWS Batch', error)
    }
  }

  #decide(dispatchId: DispatchId, failure: AwsFailure): LaunchDecision {
    const { host, settings } = this.#parts
    const history = this.#histories.get(dispatchId) ?? NO_HISTORY
    const gateMs = this.#gate.close(failure)
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
