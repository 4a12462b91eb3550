import { setTimeout as sleep } from 'node:timers/promises'
import type {
  BufferedEvent,
  Executor,
  ExecutorClass,
  ExecutorClock,
  ExecutorEvent,
  ExecutorStore,
} from '@fairlead/executor'
import {
  dispatchIdOf,
  type DispatchId,
  type TaskInstanceRef,
  type Workload,
  type WorkloadExit,
} from '@fairlead/protocol'
import { checkExecutor, checkExecutorClass } from '@fairlead/executor'
import { fakeExecutorHost, memoryStore } from './fake-host.ts'
import { RouteServer } from './route-server.ts'

/** What a harness needs to know of the executor under test. */
export interface HarnessOptions {
  readonly executorClass: unknown
  readonly settings?: Readonly<Record<string, unknown>>
  readonly parallelism?: number
  readonly name?: string
  readonly apiUrl: string
  readonly folder: string
}

interface Lease {
  readonly workload: Workload
  externalId: string | null
  isAccepted: boolean
}

const CALL_TIMEOUT_MS = 5000
const TICK_MS = 50

/**
 * Plays dispatch's part towards one executor, without a database: hands over, begins, syncs on the executor's interval,
 * records events before it acknowledges them, and adopts after a crash.
 *
 * Invariant 1: what is recorded outlives a crash; what is not acknowledged is asked for again.
 */
export class ExecutorHarness {
  readonly recorded: ExecutorEvent[] = []
  readonly notAdopted: TaskInstanceRef[] = []
  /** True loses every event between peek and commit, as a database that is down would. */
  isDatabaseDown = false
  readonly #options: HarnessOptions
  readonly #executorClass: ExecutorClass
  readonly #routes = new RouteServer()
  readonly #store: ExecutorStore = memoryStore()
  readonly #leases = new Map<DispatchId, Lease>()
  #life = new AbortController()
  #executor: Executor | null = null
  #loops: Promise<unknown>[] = []

  private constructor(options: HarnessOptions, executorClass: ExecutorClass) {
    this.#options = options
    this.#executorClass = executorClass
  }

  /** Checks the class, and starts an instance of it with its routes mounted. */
  static async start(options: HarnessOptions): Promise<ExecutorHarness> {
    const { executorClass } = options
    checkExecutorClass(executorClass)
    const harness = new ExecutorHarness(options, executorClass)
    await harness.#routes.listen()
    await harness.#begin()
    return harness
  }

  get executor(): Executor {
    if (this.#executor === null) throw new Error('the harness has crashed; restart it')
    return this.#executor
  }

  /** Where the executor's routes are mounted, and the credential of its workers. */
  get mount(): { url: string; token: string } {
    return { url: `${this.#routes.url}/executors/${this.executor.name}`, token: this.#routes.token }
  }

  /** Routes on which the server answers nothing more for a while: it takes the request and drops the connection. */
  set loseAnswers(count: number) {
    this.#routes.loseAnswers = count
  }

  submit(workload: Workload, executorConfig: unknown = null): void {
    this.#leases.set(dispatchIdOf(workload), { workload, externalId: null, isAccepted: false })
    this.executor.queueWorkload(workload, { queue: 'default', executorConfig })
    void this.#processWorkloads()
  }

  /** How a workload ended, once that is recorded. */
  endOf(workload: Workload): WorkloadExit | null {
    const ends = this.eventsOf(workload).flatMap((event) => (event.kind === 'ended' ? [event.exit] : []))
    if (ends.length > 1) throw new Error(`dispatch ${dispatchIdOf(workload)} ended ${ends.length} times`)
    return ends[0] ?? null
  }

  eventsOf(workload: Workload): readonly ExecutorEvent[] {
    return this.recorded.filter(({ dispatchId }) => dispatchId === dispatchIdOf(workload))
  }

  async revoke(workload: Workload): Promise<void> {
    if (workload.type !== 'ExecuteTask') throw new Error('only tasks are revoked')
    await this.executor.revokeTask(workload.taskInstance, AbortSignal.timeout(CALL_TIMEOUT_MS))
    this.#leases.delete(dispatchIdOf(workload))
  }

  /** The server is gone at once: nothing is ended, recorded or acknowledged any more. */
  async crash(): Promise<void> {
    this.#life.abort(new Error('the server crashed'))
    this.#executor = null
    this.#routes.unmount()
    await Promise.allSettled(this.#loops)
  }

  /** A new instance adopts what the old one had been handed; what was never accepted is handed over again. */
  async restart(): Promise<void> {
    this.#life = new AbortController()
    await this.#begin()
  }

  async stop(): Promise<void> {
    if (this.#executor !== null) {
      await this.#executor.end(AbortSignal.timeout(CALL_TIMEOUT_MS))
      await this.crash()
    }
    await this.#routes.close()
  }

  async #begin(): Promise<void> {
    const { signal } = this.#life
    const executor = new this.#executorClass(await this.#host(signal))
    checkExecutor(executor)
    await executor.start(signal)
    this.#executor = executor
    await this.#adopt(executor, signal)
    this.#routes.mount(executor, this.#executorClass.getApiRoutes?.() ?? [])
    this.#loops = [every(TICK_MS, signal, () => this.#tick())]
    const { syncIntervalMs } = executor
    if (syncIntervalMs !== null) {
      this.#loops.push(every(syncIntervalMs, signal, () => executor.sync({ signal: timeBox(signal) })))
    }
  }

  async #host(life: AbortSignal) {
    const { name = 'under-test', settings = {}, parallelism = 32, apiUrl, folder } = this.#options
    const { host } = fakeExecutorHost({
      name,
      parallelism,
      apiUrl,
      settings: await validated(this.#executorClass, settings),
      runFolder: `${folder}/run`,
      logFolder: `${folder}/logs`,
      bundleFolder: `${folder}/bundles`,
      clock: systemClock,
      store: storeUntil(life, this.#store),
      onReport: () => queueMicrotask(() => (life.aborted ? undefined : this.#drain())),
    })
    return host
  }

  async #adopt(executor: Executor, signal: AbortSignal): Promise<void> {
    const accepted: TaskInstanceRef[] = []
    for (const { workload, externalId, isAccepted } of this.#leases.values()) {
      if (isAccepted && workload.type === 'ExecuteTask') accepted.push({ ...workload.taskInstance, externalId })
      else executor.queueWorkload(workload, { queue: 'default', executorConfig: null })
    }
    while (accepted.length > 0 && !signal.aborted) {
      try {
        this.notAdopted.push(...(await executor.tryAdoptTaskInstances(accepted, timeBox(signal))))
        return
      } catch {
        // Unknown, so it is asked again: nothing may be given up for lost while the outside does not answer.
        await systemClock.sleep(TICK_MS, signal)
      }
    }
  }

  async #tick(): Promise<void> {
    this.#drain()
    await this.#processWorkloads()
  }

  async #processWorkloads(): Promise<void> {
    if (this.executor.slotsOccupied > 0) await this.executor.processWorkloads(timeBox(this.#life.signal))
  }

  #drain(): void {
    const events = this.#executor?.getEventBuffer() ?? []
    const last = events.at(-1)
    if (last === undefined || this.isDatabaseDown) return
    this.#record(events)
    this.#executor?.acknowledgeEvents(last.place)
  }

  #record(events: readonly BufferedEvent[]): void {
    for (const { event } of events) {
      this.recorded.push(event)
      const lease = this.#leases.get(event.dispatchId)
      if (event.kind === 'ended') this.#leases.delete(event.dispatchId)
      else if (lease !== undefined)
        Object.assign(lease, { isAccepted: true, externalId: event.externalId ?? lease.externalId })
    }
  }
}

const systemClock: ExecutorClock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
}

async function validated(executorClass: ExecutorClass, settings: Readonly<Record<string, unknown>>) {
  const result = await executorClass.configSchema?.['~standard'].validate(settings)
  if (result?.issues !== undefined) throw new Error(result.issues.map(({ message }) => message).join(', '))
  return (result?.value ?? settings) as Readonly<Record<string, unknown>>
}

/** A dead server writes nothing more, whatever its executor still has under way. */
function storeUntil(life: AbortSignal, store: ExecutorStore): ExecutorStore {
  const ifAlive = <T>(call: () => Promise<T>): Promise<T> => (life.aborted ? new Promise(() => undefined) : call())
  return {
    get: (key) => ifAlive(() => store.get(key)),
    set: (key, value) => ifAlive(() => store.set(key, value)),
    delete: (key) => ifAlive(() => store.delete(key)),
    list: (prefix) => ifAlive(() => store.list(prefix)),
  }
}

/** Repeats a call until the signal aborts, never while an earlier one is under way. Its errors are for a next time. */
async function every(ms: number, signal: AbortSignal, call: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await call().catch(() => undefined)
    await systemClock.sleep(ms, signal).catch(() => undefined)
  }
}

function timeBox(life: AbortSignal): AbortSignal {
  return AbortSignal.any([life, AbortSignal.timeout(CALL_TIMEOUT_MS)])
}
