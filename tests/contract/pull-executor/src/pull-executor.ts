import {
  BaseExecutor,
  type ExecuteOptions,
  type ExecutorRequest,
  type ExecutorResponse,
  type ExecutorRoute,
} from '@fairlead/executor'
import { dispatchIdOf, type DispatchId, type TaskInstanceRef, type Workload } from '@fairlead/protocol'
import type { Job, WorkerReport } from './job.ts'

const PREFIX = 'job/'
const REVOKE_POLL_MS = 50
const TERMINATE_MS = 10_000

/**
 * Offers workloads to workers that long-poll its routes. A job is a row in the store, so a restart loses none.
 *
 * Invariant 1: a lease that is not renewed is offered again if its job never started, and is lost if it did.
 */
export class PullExecutor extends BaseExecutor {
  override readonly syncIntervalMs = 100
  readonly #jobs = new Map<DispatchId, Job>()
  readonly #leasedUntil = new Map<DispatchId, number>()
  readonly #revoked = new Set<DispatchId>()
  readonly #pollers = new Set<() => void>()

  static getApiRoutes(): readonly ExecutorRoute[] {
    return [
      { method: 'POST', path: '/jobs/poll', handle: (request) => own(request).poll(request) },
      { method: 'POST', path: '/jobs/report', handle: (request) => own(request).hear(request.body as WorkerReport) },
    ]
  }

  override async executeAsync(workload: Workload, { signal }: ExecuteOptions): Promise<string> {
    const dispatchId = dispatchIdOf(workload)
    signal.throwIfAborted()
    if (!this.#jobs.has(dispatchId)) {
      const { apiUrl, bundleFolder, logFolder } = this.host
      await this.#keep(dispatchId, { workload, apiUrl, bundleFolder, logFolder, phase: 'offered', workerId: null })
      this.#wakePollers()
    }
    return dispatchId
  }

  override async sync(): Promise<void> {
    const now = this.host.clock.now()
    for (const [dispatchId, leasedUntil] of this.#leasedUntil) if (leasedUntil <= now) await this.#expire(dispatchId)
  }

  /** Before any route is served: a worker that reports now is known again. */
  override async start(): Promise<void> {
    for (const { value } of await this.host.store.list(PREFIX)) {
      const job = value as Job
      const dispatchId = dispatchIdOf(job.workload)
      this.#jobs.set(dispatchId, job)
      if (job.phase !== 'offered') this.#renew(dispatchId)
    }
  }

  override async tryAdoptTaskInstances(taskInstances: readonly TaskInstanceRef[]): Promise<readonly TaskInstanceRef[]> {
    return taskInstances.filter((taskInstance) => {
      const { dispatchId } = taskInstance
      if (this.#jobs.has(dispatchId)) this.adopt(taskInstance, dispatchId)
      return !this.#jobs.has(dispatchId) && !this.hasEnded(dispatchId)
    })
  }

  /** Takes a job off the offer at once; one in a worker's hands is gone when the worker says so, or falls silent. */
  override async revokeTask({ dispatchId }: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    await this.withdraw(dispatchId)
    const job = this.#jobs.get(dispatchId)
    if (job?.phase === 'offered') await this.#drop(dispatchId)
    this.#revoked.add(dispatchId)
    while (this.#jobs.has(dispatchId)) {
      await this.host.clock.sleep(REVOKE_POLL_MS, signal)
      await this.sync()
    }
    this.#revoked.delete(dispatchId)
    await this.forget(dispatchId)
  }

  /** Takes every job off the offer and off its worker. */
  override async terminate(): Promise<void> {
    await super.terminate()
    const tasks = [...this.#jobs.values()].flatMap(({ workload }) =>
      workload.type === 'ExecuteTask' ? [workload.taskInstance] : [],
    )
    await Promise.all(tasks.map((task) => this.revokeTask(task, AbortSignal.timeout(TERMINATE_MS))))
  }

  /** `POST /jobs/poll`: the next job for a worker, or 204 when none comes while it waits. */
  async poll({ body, signal }: ExecutorRequest): Promise<ExecutorResponse> {
    const { workerId, waitMs } = body as { workerId: string; waitMs: number }
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(waitMs)])
    for (;;) {
      const offered = [...this.#jobs].find(([, job]) => job.phase === 'offered')
      if (offered !== undefined && !signal.aborted) {
        const [dispatchId, job] = offered
        this.#renew(dispatchId)
        await this.#keep(dispatchId, { ...job, phase: 'leased', workerId })
        return { status: 200, body: { job, leaseMs: this.#leaseMs } }
      }
      if (deadline.aborted) return { status: 204 }
      await this.#nextOffer(deadline)
    }
  }

  /** `POST /jobs/report`: renews the leases of a worker, hears what ended, and answers what it must stop. */
  async hear({ workerId, alive, ended }: WorkerReport): Promise<ExecutorResponse> {
    for (const { dispatchId, exit } of ended) {
      const id = dispatchId as DispatchId
      if (this.#jobs.get(id)?.workerId !== workerId) continue
      const isRevoked = this.#revoked.has(id)
      await this.#drop(id)
      if (!isRevoked) this.ended(id, exit)
    }
    const stop: string[] = []
    for (const dispatchId of alive)
      if (!(await this.#confirm(dispatchId as DispatchId, workerId))) stop.push(dispatchId)
    return { status: 200, body: { stop } }
  }

  async #confirm(dispatchId: DispatchId, workerId: string): Promise<boolean> {
    const job = this.#jobs.get(dispatchId)
    if (job === undefined || job.workerId !== workerId) return false
    this.#renew(dispatchId)
    if (job.phase === 'leased') await this.#keep(dispatchId, { ...job, phase: 'started' })
    this.running(dispatchId)
    return !this.#revoked.has(dispatchId)
  }

  async #expire(dispatchId: DispatchId): Promise<void> {
    const job = this.#jobs.get(dispatchId)
    if (job === undefined) return
    if (this.#revoked.has(dispatchId)) return await this.#drop(dispatchId)
    if (job.phase === 'started') {
      await this.#drop(dispatchId)
      return this.fail(dispatchId, { kind: 'lost', detail: `worker ${job.workerId ?? ''} fell silent` })
    }
    this.#leasedUntil.delete(dispatchId)
    await this.#keep(dispatchId, { ...job, phase: 'offered', workerId: null })
    this.#wakePollers()
  }

  async #keep(dispatchId: DispatchId, job: Job): Promise<void> {
    this.#jobs.set(dispatchId, job)
    await this.host.store.set(PREFIX + dispatchId, job)
  }

  async #drop(dispatchId: DispatchId): Promise<void> {
    this.#jobs.delete(dispatchId)
    this.#leasedUntil.delete(dispatchId)
    await this.host.store.delete(PREFIX + dispatchId)
  }

  #renew(dispatchId: DispatchId): void {
    this.#leasedUntil.set(dispatchId, this.host.clock.now() + this.#leaseMs)
  }

  get #leaseMs(): number {
    return Number(this.host.settings['leaseMs'] ?? 10_000)
  }

  #nextOffer(until: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#pollers.delete(wake)
        until.removeEventListener('abort', wake)
        resolve()
      }
      this.#pollers.add(wake)
      until.addEventListener('abort', wake, { once: true })
    })
  }

  #wakePollers(): void {
    for (const wake of this.#pollers) wake()
  }
}

/** Routes are static: the request says which instance they serve. */
function own({ executor }: ExecutorRequest): PullExecutor {
  return executor as PullExecutor
}
