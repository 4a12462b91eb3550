import { BaseExecutor, type ExecuteOptions, type ExecutorHost, type StandardSchema } from '@fairlead/executor'
import type { DispatchId, ExecuteTask, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { runnerFiles, runWorkload, type RunWorkloadOptions, type WorkloadRun } from '@fairlead/task-runner'
import { localSettingsSchema, type LocalSettings } from './settings.ts'

/** Runs one task at a time in a fresh process under this very process. For finding faults, not for production. */
export class DebugExecutor extends BaseExecutor {
  static override readonly isLocal: boolean = true
  static override readonly isSingleThreaded: boolean = true
  static override readonly isProduction: boolean = false
  static override readonly servesLogs: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly sentryIntegration: string | null = '@sentry/node'
  static override readonly configSchema: StandardSchema = localSettingsSchema

  override readonly syncIntervalMs: number | null = null
  readonly #settings: LocalSettings
  readonly #giveUp = new AbortController()
  #current: { dispatchId: DispatchId; run: WorkloadRun } | null = null

  constructor(host: ExecutorHost) {
    super(host)
    this.#settings = localSettingsSchema.parse(host.settings)
  }

  async executeAsync(workload: Workload, { signal }: Pick<ExecuteOptions, 'signal'>): Promise<string | null> {
    if (workload.type !== 'ExecuteTask') throw new Error('The DebugExecutor runs tasks, and no callbacks.')
    const { dispatchId } = workload.taskInstance
    if (this.#current?.dispatchId === dispatchId) return null
    // Its turn has come when the one before is gone from the system too.
    await this.#current?.run.done
    signal.throwIfAborted()
    const run = this.begin(workload, {
      settings: this.#settings,
      giveUp: this.#giveUp.signal,
      onRunning: (pid) => this.running(dispatchId, String(pid)),
    })
    this.#current = { dispatchId, run }
    void run.done.then((exit) => {
      if (this.#current?.run === run) this.#current = null
      this.fail(dispatchId, exit)
    })
    return null
  }

  async sync(): Promise<void> {}

  override async revokeTask({ dispatchId }: TaskInstanceRef): Promise<void> {
    await this.forget(dispatchId)
    if (this.#current?.dispatchId !== dispatchId) return
    this.#current.run.interrupt({ kind: 'cancelled', detail: 'the task was revoked' })
    await this.#current.run.done
  }

  /** Waits for what was begun until the signal aborts, and then ends it. */
  override async end(signal: AbortSignal): Promise<void> {
    await super.end(signal)
    const stop = (): void => this.#stop('the server is shutting down')
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    await this.#current?.run.done
    signal.removeEventListener('abort', stop)
  }

  override async terminate(): Promise<void> {
    await super.terminate()
    this.#stop('the server was told to end at once')
    await this.#current?.run.done
  }

  /** Begins a task. */
  protected begin(workload: ExecuteTask, options: BeginOptions): WorkloadRun {
    const { apiUrl, logFolder, bundleFolder, workerEnvironment } = this.host
    const place = { apiUrl, logFolder, bundleFolder, workerEnvironment }
    const { childPath = runnerFiles().childPath, heartbeatIntervalMs } = this.#settings
    return runWorkload(workload, { ...place, childPath, heartbeatIntervalMs, ...options })
  }

  #stop(detail: string): void {
    this.#giveUp.abort()
    this.#current?.run.interrupt({ kind: 'shutdown', detail })
  }
}

/** What a task is begun with, wherever it runs. */
export type BeginOptions = Pick<RunWorkloadOptions, 'settings' | 'giveUp' | 'onRunning'>
