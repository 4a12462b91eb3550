import {
  BaseExecutor,
  launchRefused,
  type ExecuteOptions,
  type Executor,
  type ExecutorCommandGroup,
  type ExecutorHost,
  type ExecutorView,
  type StandardSchema,
  type SyncOptions,
} from '@fairlead/executor'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { prettifyError, type input } from 'zod'
import { failureOf } from '../shared/aws-failure.ts'
import { LaunchGate } from '../shared/launch-gate.ts'
import { LaunchRows } from '../shared/launch-rows.ts'
import { mapSome } from '../shared/patient-calls.ts'
import { ClusterFacts } from './cluster-facts.ts'
import { ecsCommands } from './commands.ts'
import { EcsApi } from './ecs-api.ts'
import { EcsOperations } from './ecs-operations.ts'
import type { EcsTask } from './ecs-task.ts'
import { logOfTask } from './log-of-task.ts'
import { taskOptionsSchema, type EcsOptions } from './options.ts'
import { settingsSchema, type EcsSettings } from './settings.ts'
import { StateChangeFeed } from './state-change-feed.ts'
import { findTasks } from './task-adoption.ts'
import { TaskFinder } from './task-finder.ts'
import { TaskLauncher } from './task-launcher.ts'
import { ContainerLogs } from '../shared/container-logs.ts'
import { TaskStopper } from './task-stopper.ts'
import { TaskWatch } from './task-watch.ts'
import { taskView } from './views.ts'

/**
 * Runs each task as a task of Amazon ECS.
 *
 * Invariant 1: one hand-over is one ECS task, however often RunTask is called and whoever calls it.
 * Invariant 2: what died after its start is reported, and never begun again here.
 * Invariant 3: what ECS cannot be asked about is not reported.
 */
export class EcsExecutor extends BaseExecutor {
  static override readonly configSchema: StandardSchema<input<typeof settingsSchema>> = settingsSchema
  static override readonly executorConfigSchema: StandardSchema<EcsOptions> = taskOptionsSchema as never
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly servesLiveLogs: boolean = true

  override readonly syncIntervalMs: number
  readonly #settings: EcsSettings
  readonly #api: EcsApi
  readonly #gate: LaunchGate
  readonly #rows: LaunchRows
  readonly #finder: TaskFinder
  readonly #launcher: TaskLauncher
  readonly #stopper: TaskStopper
  readonly #watch: TaskWatch
  readonly #logs: ContainerLogs
  readonly #feed: StateChangeFeed | null
  /** For commands and views. */
  readonly operations: EcsOperations
  /** Hand-overs whose task is being stopped: that it is gone is no news. */
  readonly #revoking = new Set<DispatchId>()
  readonly #clustersOf = (taskInstance: TaskInstanceRef): Promise<readonly string[]> =>
    this.#stopper.clustersOf(taskInstance)

  constructor(host: ExecutorHost, random: () => number = Math.random) {
    super(host)
    const settings = host.settings as unknown as EcsSettings
    const api = new EcsApi(settings)
    this.#settings = settings
    this.#api = api
    this.syncIntervalMs = settings.poll.shortestMs
    this.#gate = new LaunchGate({ now: () => host.clock.now(), random })
    this.#rows = new LaunchRows(host.store)
    this.#finder = new TaskFinder(host, api, random)
    const shared = { host, settings, api, random, finder: this.#finder, rows: this.#rows }
    this.#launcher = new TaskLauncher({ ...shared, clusters: new ClusterFacts(api), gate: this.#gate })
    this.#stopper = new TaskStopper({ ...shared, launcher: this.#launcher })
    this.#watch = new TaskWatch({
      ...shared,
      running: (dispatchId, arn) => this.#isWanted(dispatchId) && this.running(dispatchId, arn),
      ended: (dispatchId, exit, arn) => this.#isWanted(dispatchId) && this.ended(dispatchId, exit, arn),
    })
    this.#logs = new ContainerLogs({ settings, clock: host.clock, random })
    this.operations = new EcsOperations({ name: host.name, ...shared, clustersOf: this.#clustersOf })
    const hear = (task: EcsTask, id: string) =>
      this.#isWanted(id as DispatchId) && this.#watch.hear(task, id as DispatchId)
    const { events } = settings
    this.#feed = events === undefined ? null : new StateChangeFeed({ ...shared, queueUrl: events.queueUrl, hear })
  }

  static getCliCommands(): readonly ExecutorCommandGroup[] {
    return [ecsCommands(operationsOf)]
  }

  static getUiViews(): readonly ExecutorView[] {
    return [taskView(operationsOf)]
  }

  /** What the kit cannot do by itself. Nothing else loads it. */
  static async getConformanceHooks(): Promise<ConformanceHooks> {
    return (await import('./conformance-hooks.ts')).hooksOf(process.env)
  }

  override async start(signal: AbortSignal): Promise<void> {
    await this.#rows.sweep(this.host.clock.now())
    if (this.#settings.checkHealth) await this.#checkHealth(signal)
    this.#feed?.start()
  }

  override async executeAsync(workload: Workload, options: ExecuteOptions): Promise<string> {
    if (workload.type !== 'ExecuteTask') throw new Error('The EcsExecutor runs tasks, and no callbacks.')
    const { queue, executorConfig, signal } = options
    const own = taskOptionsSchema.safeParse(executorConfig ?? {})
    if (!own.success) throw launchRefused(`Its executorConfig is none of ours: ${prettifyError(own.error)}`)
    return await this.#launcher.launch(workload, { queue, own: own.data, signal })
  }

  override async sync({ signal }: SyncOptions): Promise<void> {
    this.#watch.follow(this.runningWorkloads)
    await this.#watch.poll(signal)
  }

  override waitingFor(dispatchId: DispatchId): string | null {
    const own = super.waitingFor(dispatchId)
    if (own !== null || !this.hasTask(dispatchId)) return own
    const isGiven = this.#watch.has(dispatchId) || this.#launcher.hasLaunched(dispatchId)
    return isGiven ? this.#watch.waitingFor(dispatchId) : this.#gate.reason
  }

  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const open = taskInstances.filter(({ dispatchId }) => !this.hasEnded(dispatchId))
    const found = await findTasks(open, this.#finder, { clustersOf: this.#clustersOf, signal })
    for (const { taskInstance, arn } of found) if (arn !== null) this.adopt(taskInstance, arn)
    this.#watch.follow(this.runningWorkloads)
    return found.flatMap(({ taskInstance, arn }) => (arn === null ? [taskInstance] : []))
  }

  override async revokeTask(taskInstance: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    const { dispatchId } = taskInstance
    this.#revoking.add(dispatchId)
    try {
      await this.withdraw(dispatchId)
      await this.#stopper.stop(taskInstance, 'Fairlead: the task instance was revoked', signal)
      await this.forget(dispatchId)
      this.#launcher.forget(dispatchId)
      await this.#rows.delete(dispatchId)
    } finally {
      this.#revoking.delete(dispatchId)
    }
  }

  override async getTaskLog(taskInstance: TaskInstanceRef): Promise<AsyncIterable<string> | null> {
    return await logOfTask(taskInstance, {
      settings: this.#settings,
      api: this.#api,
      finder: this.#finder,
      logs: this.#logs,
      clustersOf: this.#clustersOf,
    })
  }

  /** Launches nothing more and leaves what runs, which the next instance adopts. */
  override async end(signal: AbortSignal): Promise<void> {
    await super.end(signal)
    await this.#letGo()
  }

  /** Stops what this instance runs, each on its own: one that cannot be stopped keeps no other alive. */
  override async terminate(): Promise<void> {
    await super.terminate()
    const running = this.runningWorkloads.flatMap(({ taskInstance, externalId }) =>
      taskInstance === null ? [] : [{ ...taskInstance, externalId }],
    )
    const mine = new Map([...running, ...this.#launcher.launched].map((ref) => [ref.dispatchId, ref]))
    await mapSome([...mine.values()], STOPS_AT_ONCE, (ref) => this.#terminateOne(ref))
    await this.#letGo()
  }

  protected override endsRecorded(dispatchIds: readonly DispatchId[]): void {
    for (const dispatchId of dispatchIds) {
      this.#launcher.forget(dispatchId)
      void this.#rows.delete(dispatchId).catch(() => undefined) // Dropped by a sweep in a month.
    }
  }

  async #terminateOne(taskInstance: TaskInstanceRef): Promise<void> {
    const signal = AbortSignal.timeout(TERMINATE_MS)
    try {
      await this.#stopper.stop(taskInstance, 'Fairlead: the executor was terminated', signal)
    } catch (error) {
      const { dispatchId } = taskInstance
      this.host.log.warn('a task could not be stopped', { dispatchId, detail: failureOf(error).detail })
    }
  }

  async #checkHealth(signal: AbortSignal): Promise<void> {
    const findings = await this.operations.check(signal)
    const problems = findings.flatMap(({ about, problem }) => (problem === null ? [] : [`${about}: ${problem}`]))
    if (problems.length > 0) throw new Error(`ECS cannot run tasks as configured. ${problems.join(' ')}`)
  }

  async #letGo(): Promise<void> {
    await this.#feed?.stop()
    this.#api.destroy()
  }

  #isWanted(dispatchId: DispatchId): boolean {
    return !this.#revoking.has(dispatchId)
  }
}

/** What stopping one task may take. */
const TERMINATE_MS = 60_000
const STOPS_AT_ONCE = 16

/** Commands and views are given an executor of their own class. */
function operationsOf(executor: Executor): EcsOperations {
  return (executor as EcsExecutor).operations
}
