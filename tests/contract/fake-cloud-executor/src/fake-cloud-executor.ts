import {
  BaseExecutor,
  type ExecuteOptions,
  type ExecutorHost,
  type RunningWorkload,
  type StandardSchema,
  type SyncOptions,
} from '@fairlead/executor'
import {
  dispatchIdOf,
  type DispatchId,
  type TaskInstanceRef,
  type Workload,
  type WorkloadExit,
} from '@fairlead/protocol'
import { CloudClient, type CloudJob } from './cloud-client.ts'

const DESCRIBE_LIMIT = 100

interface Settings {
  readonly cloudUrl: string
  /** The command that runs one workload on the cloud's machine. */
  readonly workerCommand: readonly string[]
  /** How long a job may be missing from describes before it counts as lost. */
  readonly missingGraceMs: number
}

/** Runs each workload as a job of a cloud that tells nothing unless asked. The client token is the dispatch id. */
export class FakeCloudExecutor extends BaseExecutor {
  static override readonly configSchema: StandardSchema = settingsSchema()
  override readonly syncIntervalMs = 50
  readonly #cloud: CloudClient
  readonly #settings: Settings
  readonly #missingSince = new Map<DispatchId, number>()

  constructor(host: ExecutorHost) {
    super(host)
    this.#settings = host.settings as unknown as Settings
    this.#cloud = new CloudClient(this.#settings.cloudUrl)
  }

  override async executeAsync(workload: Workload, { signal }: ExecuteOptions): Promise<string> {
    const { apiUrl, bundleFolder, logFolder } = this.host
    return await this.#cloud.submit(
      {
        clientToken: dispatchIdOf(workload),
        command: this.#settings.workerCommand,
        environment: { WORKLOAD: JSON.stringify({ workload, apiUrl, bundleFolder, logFolder }) },
      },
      signal,
    )
  }

  override async sync({ signal }: SyncOptions): Promise<void> {
    const known = this.runningWorkloads.filter((running) => running.externalId !== null)
    for (let start = 0; start < known.length; start += DESCRIBE_LIMIT) {
      const batch = known.slice(start, start + DESCRIBE_LIMIT)
      const jobs = await this.#cloud.describe(
        batch.flatMap(({ externalId }) => externalId ?? []),
        signal,
      )
      for (const running of batch)
        this.#update(
          running,
          jobs.find((job) => job.jobId === running.externalId),
        )
    }
  }

  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const jobs = await this.#cloud.find(
      taskInstances.map(({ dispatchId }) => dispatchId),
      signal,
    )
    return taskInstances.filter((taskInstance) => {
      const job = jobs.find(({ clientToken }) => clientToken === taskInstance.dispatchId)
      if (job !== undefined) this.adopt(taskInstance, job.jobId)
      return job === undefined
    })
  }

  override async revokeTask({ dispatchId }: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    await this.withdraw(dispatchId)
    await this.#cloud.stop(dispatchId, signal)
    await this.forget(dispatchId)
  }

  override async getTaskLog({ externalId }: TaskInstanceRef): Promise<AsyncIterable<string> | null> {
    if (externalId === null) return null
    const cloud = this.#cloud
    return (async function* () {
      yield await cloud.log(externalId)
    })()
  }

  #update({ dispatchId }: RunningWorkload, job: CloudJob | undefined): void {
    if (job === undefined) return this.#noteMissing(dispatchId)
    this.#missingSince.delete(dispatchId)
    const exit = exitOfJob(job)
    if (exit === null) this.running(dispatchId)
    else this.ended(dispatchId, exit)
  }

  #noteMissing(dispatchId: DispatchId): void {
    const now = this.host.clock.now()
    const since = this.#missingSince.get(dispatchId) ?? now
    this.#missingSince.set(dispatchId, since)
    if (now - since < this.#settings.missingGraceMs) return
    this.#missingSince.delete(dispatchId)
    this.fail(dispatchId, { kind: 'lost', detail: 'the cloud no longer knows the job' })
  }
}

/** The cloud's view of one job, in our words. Null while it runs. */
function exitOfJob(job: CloudJob): WorkloadExit | null {
  if (job.status === 'RUNNING') return null
  if (typeof job.exitCode === 'number') return { kind: 'exited', exitCode: job.exitCode }
  if (typeof job.signal === 'string') return { kind: 'signaled', signal: job.signal, cause: 'killed_externally' }
  return { kind: 'lost', detail: `the cloud says ${job.status} and no more` }
}

function settingsSchema(): StandardSchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'fake-cloud-executor',
      validate(value) {
        const given = value as Partial<Settings>
        if (typeof given.cloudUrl !== 'string') return { issues: [{ message: 'must be a URL', path: ['cloudUrl'] }] }
        if (!Array.isArray(given.workerCommand))
          return { issues: [{ message: 'must be a list', path: ['workerCommand'] }] }
        return { value: { missingGraceMs: 60_000, ...given } }
      },
    },
  }
}
