import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { capabilitiesOf } from '../capabilities.ts'
import { checkExecutorClass } from '../check-executor.ts'
import type { ExecutorClass } from '../executor-class.ts'
import {
  EXECUTOR_BRAND,
  EXECUTOR_CONTRACT_VERSION,
  type BufferedEvent,
  type CallbackRequest,
  type Executor,
  type ExecutorHost,
  type SyncOptions,
  type WorkloadOptions,
} from '../executor.ts'
import { FaultDice } from './fault-dice.ts'
import { checkFaultOptions, type FaultOptions } from './fault-options.ts'
import { FaultyEvents } from './faulty-events.ts'

/**
 * An executor class that is another one with faults between it and its host: events are dropped, delayed, repeated, put
 * in another order and falsified, calls throw. Which of them is decided by the seed and by the order of calls and events
 * alone. `end` and `terminate` have no faults, so that whatever happens, nothing is left behind.
 */
export function withFaults(executorClass: unknown, options: FaultOptions): ExecutorClass {
  checkExecutorClass(executorClass)
  checkFaultOptions(options)
  const Class = executorClass
  class Faulty extends FaultyExecutor {
    constructor(host: ExecutorHost) {
      super((innerHost) => new Class(innerHost), host, options)
    }
  }
  Object.defineProperty(Faulty, 'name', { value: `Faulty${Class.name}` })
  return Object.assign(Faulty, { ...capabilitiesOf(Class), ...extensionsOf(Class) })
}

/** What a class adds to Fairlead is its own, faults or not. Its routes are given the executor behind them. */
function extensionsOf(executorClass: ExecutorClass): Partial<ExecutorClass> {
  const { getApiRoutes, getCliCommands, getUiViews } = executorClass
  const routes = getApiRoutes?.call(executorClass).map((route) => ({
    ...route,
    handle: (request: Parameters<typeof route.handle>[0]) =>
      route.handle({ ...request, executor: innerOf(request.executor) }),
  }))
  return {
    ...(routes === undefined ? {} : { getApiRoutes: () => routes }),
    ...(getCliCommands === undefined ? {} : { getCliCommands: () => getCliCommands.call(executorClass) }),
    ...(getUiViews === undefined ? {} : { getUiViews: () => getUiViews.call(executorClass) }),
  }
}

function innerOf(executor: Executor): Executor {
  return executor instanceof FaultyExecutor ? executor.inner : executor
}

/** A call into an executor that failed on purpose. */
export class InjectedFault extends Error {
  override readonly name = 'InjectedFault'
}

class FaultyExecutor implements Executor {
  declare readonly [EXECUTOR_BRAND]: number
  readonly inner: Executor
  readonly #host: ExecutorHost
  readonly #options: FaultOptions
  readonly #dice: FaultDice
  readonly #events: FaultyEvents

  constructor(make: (host: ExecutorHost) => Executor, host: ExecutorHost, options: FaultOptions) {
    this.#host = host
    this.#options = options
    this.#dice = new FaultDice(options.seed)
    this.inner = make(this.#innerHost())
    this.#events = new FaultyEvents(this.inner, this.#dice, options)
  }

  static {
    Object.defineProperty(this.prototype, EXECUTOR_BRAND, { value: EXECUTOR_CONTRACT_VERSION })
  }

  get name(): string {
    return this.inner.name
  }

  get parallelism(): number {
    return this.inner.parallelism
  }

  get syncIntervalMs(): number | null {
    return this.inner.syncIntervalMs
  }

  get slotsOccupied(): number {
    return this.inner.slotsOccupied
  }

  get slotsAvailable(): number {
    return this.inner.slotsAvailable
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#call('start', () => this.inner.start(signal))
  }

  async heartbeat(signal?: AbortSignal): Promise<void> {
    await this.#call('heartbeat', () => this.inner.heartbeat(signal))
  }

  queueWorkload(workload: Workload, options: WorkloadOptions): void {
    this.inner.queueWorkload(workload, options)
    if (this.#falls('duplicate', 'queueWorkload')) this.inner.queueWorkload(workload, options)
  }

  async processWorkloads(signal: AbortSignal): Promise<void> {
    await this.#call('processWorkloads', () => this.inner.processWorkloads(signal))
  }

  async sync(options: SyncOptions): Promise<void> {
    await this.#call('sync', () => this.inner.sync(options))
  }

  getEventBuffer(): readonly BufferedEvent[] {
    const now = this.#host.clock.now()
    for (const dueAt of this.#events.pull(now)) void this.#wakeAt(dueAt - now)
    return this.#events.peek(now)
  }

  acknowledgeEvents(place: number): void {
    this.#events.acknowledge(place)
  }

  hasTask(dispatchId: DispatchId): boolean {
    return this.inner.hasTask(dispatchId) || this.#events.isHoldingEndOf(dispatchId)
  }

  waitingFor(dispatchId: DispatchId): string | null {
    return this.inner.waitingFor?.(dispatchId) ?? null
  }

  async tryAdoptTaskInstances(
    refs: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    return await this.#call('tryAdoptTaskInstances', () => this.inner.tryAdoptTaskInstances(refs, signal))
  }

  async revokeTask(ref: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    await this.#call('revokeTask', () => this.inner.revokeTask(ref, signal))
  }

  async sendCallback(request: CallbackRequest): Promise<void> {
    await this.inner.sendCallback(request)
  }

  async getTaskLog(ref: TaskInstanceRef, tryNumber: number): Promise<AsyncIterable<string> | null> {
    return await this.#call('getTaskLog', () => this.inner.getTaskLog(ref, tryNumber))
  }

  async end(signal: AbortSignal): Promise<void> {
    await this.inner.end(signal)
  }

  async terminate(): Promise<void> {
    await this.inner.terminate()
  }

  /** Makes a call that may fail before it is made, or after it has done all that it does. */
  async #call<T>(member: string, call: () => Promise<T>): Promise<T> {
    if (this.#falls('crash', member)) throw new InjectedFault(`${member}() failed on purpose, before it began`)
    const answer = await call()
    if (this.#falls('crash', member)) throw new InjectedFault(`The answer of ${member}() was lost on purpose`)
    return answer
  }

  #falls(kind: 'crash' | 'duplicate', member: string): boolean {
    if (!this.#dice.falls(`${member} ${kind}`, this.#options[kind] ?? 0)) return false
    this.#options.onFault?.({ kind, at: member, dispatchId: null })
    return true
  }

  async #wakeAt(ms: number): Promise<void> {
    await this.#host.clock.sleep(ms).catch(() => undefined)
    const [first] = this.getEventBuffer()
    if (first !== undefined) this.#host.report(first.event)
  }

  #innerHost(): ExecutorHost {
    const host = this.#host
    // Not a copy: `apiUrl` is known only once the server listens.
    return Object.create(host, {
      report: { value: (event: Parameters<ExecutorHost['report']>[0]) => host.report(event) },
    }) as ExecutorHost
  }
}
