import { EcsExecutor } from '@fairlead/executor-aws/ecs'
import type { ExecutorClock, ExecutorEvent, ExecutorStore } from '@fairlead/executor'
import type { ExecuteTask, TaskInstanceRef, WorkloadExit } from '@fairlead/protocol'
import { settingsSchema } from '../../packages/executor-aws/src/ecs/settings.ts'
import type { AwsDouble } from '../../testkit/aws/index.ts'
import { eventually } from '../../testkit/eventually.ts'
import { fakeExecutorHost, memoryStore, type FakeHost } from '../../testkit/fake-host.ts'
import { taskWorkload } from '../../testkit/sample-workloads.ts'
import { ECS_SETTINGS, setEcsStage } from './ecs-stage.ts'

/** Task definitions whose containers are no processes: what becomes of a task is all that matters. */
export const ENDS = { succeeds: 0, fails: 100, refuses: 64 } as const
/** A task definition whose container runs until it is stopped. */
export const STAYS = 'stays'

/** What a test may say of an instance. */
export interface InstanceOptions {
  readonly settings?: Readonly<Record<string, unknown>>
  readonly name?: string
  readonly parallelism?: number
  readonly clock?: ExecutorClock
  readonly store?: ExecutorStore
}

/** The stage of ECS, with task definitions for each way to end. */
export function setEndsStage(double: AwsDouble): void {
  setEcsStage(double)
  const define = (family: string, runMs: number, exitCode: number): void => {
    double.images.define(`${family}:latest`, { kind: 'idle', runMs, exitCode })
    const containers = [{ name: 'main', image: `${family}:latest`, stopTimeout: 1 }]
    double.ecs.defineTaskDefinition({ family, containers, cpu: '256', memory: '512' })
  }
  for (const [family, exitCode] of Object.entries(ENDS)) define(family, 5, exitCode)
  define(STAYS, 600_000, 0)
}

/** An EcsExecutor with its host, and dispatch's part played by the test. */
export class EcsInstance {
  readonly executor: EcsExecutor
  readonly #host: FakeHost
  readonly recorded: ExecutorEvent[] = []

  constructor(double: AwsDouble, { settings = {}, clock = REAL_CLOCK, ...given }: InstanceOptions = {}) {
    const parsed = settingsSchema.parse({ ...ECS_SETTINGS, endpoint: double.url, ...settings })
    this.#host = fakeExecutorHost({ name: 'ecs', store: memoryStore(), ...given, settings: parsed, clock })
    this.executor = new EcsExecutor(this.#host.host)
  }

  get logged(): FakeHost['logged'] {
    return this.#host.logged
  }

  submit(workload: ExecuteTask, executorConfig: unknown = null): ExecuteTask {
    this.executor.queueWorkload(workload, { queue: workload.taskInstance.queue, executorConfig })
    return workload
  }

  /** Hands over a task of a task definition. */
  give(taskDefinition: string, taskInstance: Partial<TaskInstanceRef> = {}): ExecuteTask {
    return this.submit(taskWorkload({ taskInstance }), { taskDefinition })
  }

  /** One turn of what dispatch does, and what the executor said meanwhile. */
  async turn(): Promise<void> {
    await this.executor.processWorkloads(SIGNAL)
    await this.executor.sync({ signal: SIGNAL })
    this.record()
  }

  record(): void {
    const events = this.executor.getEventBuffer()
    this.recorded.push(...events.map(({ event }) => event))
    const last = events.at(-1)
    if (last !== undefined) this.executor.acknowledgeEvents(last.place)
  }

  async until<T>(check: () => T | Promise<T>): Promise<void> {
    await eventually(async () => {
      await this.turn()
      return await check()
    })
  }

  eventsOf({ taskInstance }: ExecuteTask): readonly ExecutorEvent[] {
    return this.recorded.filter(({ dispatchId }) => dispatchId === taskInstance.dispatchId)
  }

  endOf(workload: ExecuteTask): WorkloadExit | null {
    return this.eventsOf(workload).find((event) => event.kind === 'ended')?.exit ?? null
  }

  /** Gives turns until it has ended, and answers how. */
  async ended(workload: ExecuteTask): Promise<WorkloadExit> {
    await this.until(() => this.endOf(workload) !== null)
    return this.endOf(workload) as WorkloadExit
  }

  /** Gives turns until ECS was given the task; answers its ARN. */
  async accepted(workload: ExecuteTask): Promise<string> {
    const arn = () => this.eventsOf(workload).find((event) => event.kind === 'accepted')?.externalId
    await this.until(() => arn() !== undefined)
    return String(arn())
  }

  /** The process dies: nothing is told or stopped. */
  async die(): Promise<void> {
    await this.executor.end(AbortSignal.abort(new Error('the server is gone')))
  }
}

/** A signal that says nothing. */
export const SIGNAL: AbortSignal = new AbortController().signal

const REAL_CLOCK: ExecutorClock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true })
    })
  },
}
