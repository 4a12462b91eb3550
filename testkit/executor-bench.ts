import type { ExecutorClass, ExecutorEvent, ExecutorStore, WorkloadOptions } from '@fairlead/executor'
import { dispatchIdOf, type TaskInstanceRef, type Workload, type WorkloadExit } from '@fairlead/protocol'
import { eventually } from './eventually.ts'
import { fakeExecutorHost, memoryStore, type FakeHost } from './fake-host.ts'
import { ManualClock } from './manual-clock.ts'

/** What stands on a bench. */
export interface BenchOptions {
  readonly executorClass: ExecutorClass
  readonly settings: Readonly<Record<string, unknown>>
  readonly name?: string
  readonly parallelism?: number
}

type Instance = InstanceType<ExecutorClass>

/**
 * One executor under a test's own hand: nothing happens but what the test has happen, and its clock stands still until it
 * is advanced. Its rows outlive its instances.
 */
export class ExecutorBench {
  readonly clock: ManualClock = new ManualClock(Date.now())
  readonly store: ExecutorStore = memoryStore()
  /** Events that were written down, in order. */
  readonly recorded: ExecutorEvent[] = []
  /** How many launches are under way. */
  underWay = 0
  readonly #options: BenchOptions
  #host: FakeHost
  #executor: Instance

  constructor(options: BenchOptions) {
    this.#options = options
    this.#host = this.#newHost()
    this.#executor = this.#newExecutor()
  }

  get executor(): Instance {
    return this.#executor
  }

  get logged(): FakeHost['logged'] {
    return this.#host.logged
  }

  handOver(workload: Workload, options: Partial<WorkloadOptions> = {}): void {
    this.executor.queueWorkload(workload, { queue: 'default', executorConfig: null, ...options })
  }

  /** Begins what is due, and waits until every launch is answered. */
  async begin(): Promise<void> {
    await this.executor.processWorkloads(new AbortController().signal)
    await eventually(() => this.underWay === 0, { everyMs: 2 })
    await new Promise(setImmediate)
    this.#record()
  }

  async sync(): Promise<void> {
    await this.executor.sync({ signal: AbortSignal.timeout(10_000) })
    this.#record()
  }

  /** Gives the executor turns until it is so. */
  async until<T>(check: () => T | Promise<T>): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
    return await eventually(async () => {
      await this.begin()
      await this.sync()
      return await check()
    })
  }

  async endOf(workload: Workload): Promise<WorkloadExit> {
    return await this.until(() => this.endsOf(workload)[0])
  }

  endsOf(workload: Workload): readonly WorkloadExit[] {
    return this.#eventsOf(workload).flatMap((event) => (event.kind === 'ended' ? [event.exit] : []))
  }

  /** The id that the outside gave it, as far as it was said. */
  externalIdOf(workload: Workload): string | null {
    return this.#eventsOf(workload).find(({ externalId }) => externalId !== null)?.externalId ?? null
  }

  /** Asks for an adoption; answers what was not adopted. */
  async adopt(...workloads: readonly Workload[]): Promise<readonly TaskInstanceRef[]> {
    const refs = workloads.flatMap((workload) =>
      workload.type === 'ExecuteTask' ? [{ ...workload.taskInstance, externalId: this.externalIdOf(workload) }] : [],
    )
    return await this.executor.tryAdoptTaskInstances(refs, AbortSignal.timeout(10_000))
  }

  async revoke(workload: Workload, signal: AbortSignal = AbortSignal.timeout(20_000)): Promise<void> {
    if (workload.type === 'ExecuteTask')
      await this.executor.revokeTask({ ...workload.taskInstance, externalId: this.externalIdOf(workload) }, signal)
  }

  /** The process is gone, and another one takes its place: nothing was ended or told. */
  replace(): void {
    this.#host = this.#newHost()
    this.#executor = this.#newExecutor()
    this.underWay = 0
  }

  #record(): void {
    const events = this.executor.getEventBuffer()
    this.recorded.push(...events.map(({ event }) => event))
    const last = events.at(-1)
    if (last !== undefined) this.executor.acknowledgeEvents(last.place)
  }

  #eventsOf(workload: Workload): readonly ExecutorEvent[] {
    return this.recorded.filter(({ dispatchId }) => dispatchId === dispatchIdOf(workload))
  }

  #newHost(): FakeHost {
    const { name = 'bench', parallelism = 32, settings } = this.#options
    return fakeExecutorHost({ name, parallelism, settings, clock: this.clock, store: this.store })
  }

  #newExecutor(): Instance {
    const executor = new this.#options.executorClass(this.#host.host)
    this.#countLaunches(executor)
    return executor
  }

  #countLaunches(executor: Instance): void {
    const launch: unknown = Reflect.get(executor, 'executeAsync')
    if (typeof launch !== 'function') throw new Error('The executor has no executeAsync.')
    Reflect.set(executor, 'executeAsync', async (...given: readonly unknown[]): Promise<unknown> => {
      this.underWay += 1
      try {
        return await Reflect.apply(launch, executor, given)
      } finally {
        if (this.executor === executor) this.underWay -= 1
      }
    })
  }
}
