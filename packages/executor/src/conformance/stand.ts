import { setTimeout as sleep } from 'node:timers/promises'
import {
  dispatchIdOf,
  type DispatchId,
  type TaskInstanceRef,
  type Workload,
  type WorkloadExit,
} from '@fairlead/protocol'
import type { ExecutorClass } from '../executor-class.ts'
import type { Executor, ExecutorEvent } from '../executor.ts'
import { GuardedCalls } from './guarded-calls.ts'
import { demand, Violation } from './violation.ts'
import type { Laboratory } from './laboratory.ts'
import { HostRecord, standHost, type HostFacts } from './stand-host.ts'
import type { ConformanceHooks, Undo } from './subject.ts'

/** What a stand is made of. */
export interface StandParts extends HostFacts {
  readonly executorClass: ExecutorClass
  readonly hooks: ConformanceHooks
  readonly laboratory: Laboratory
  readonly executorConfig: unknown
  readonly patienceMs: number
  readonly callPatienceMs: number
  /** False for one that stands beside another, which keeps the one mount and the workers. */
  readonly isServed: boolean
}

const TICK_MS = 25

/**
 * Plays dispatch's part towards one executor: hands over, begins, syncs on the executor's interval, records events
 * before it acknowledges them, and adopts after a crash.
 *
 * Invariant: what is recorded outlives a crash; what is not acknowledged is asked for again.
 */
export class Stand {
  readonly record: HostRecord = new HostRecord()
  /** Events that dispatch has written down, in order. */
  readonly recorded: ExecutorEvent[] = []
  readonly notAdopted: TaskInstanceRef[] = []
  readonly calls: GuardedCalls
  /** True loses every event between peek and commit, as a database that is down would. */
  isDatabaseDown = false
  /** True leaves the executor alone: no turns, no syncs, and no answer to its reports. */
  isIdle = false
  readonly #parts: StandParts
  readonly #leases = new Map<DispatchId, Lease>()
  #life = new AbortController()
  #executor: Executor | null = null
  #loops: readonly Promise<void>[] = []
  #undoSurroundings: Undo | null = null
  #isProcessing = false
  #hasCrashed = false

  constructor(parts: StandParts) {
    this.#parts = parts
    this.calls = new GuardedCalls(parts.callPatienceMs)
  }

  get executor(): Executor {
    if (this.#executor === null) throw new Error('The stand has no executor: it crashed, or was never opened.')
    return this.#executor
  }

  /** Makes an instance without starting it. */
  construct(): Executor {
    const { executorClass: Class } = this.#parts
    const { signal } = this.#life
    const host = standHost(this.#parts, this.record, signal, () => queueMicrotask(() => this.#onReport(signal)))
    this.#executor = new Class(host)
    return this.#executor
  }

  /** Makes an instance, starts it, lets it adopt what an earlier one left, and keeps it going. */
  async open(): Promise<this> {
    const executor = this.construct()
    const { signal } = this.#life
    await this.calls.make('start', () => executor.start(signal))
    await this.#adopt(executor)
    if (this.#parts.isServed) await this.#serve(executor)
    this.#loops = [this.#tickLoop(signal), this.#syncLoop(executor, signal)]
    return this
  }

  /** Hands workloads over. */
  submit(...workloads: readonly Workload[]): void {
    for (const workload of workloads) this.submitWith(workload, this.#parts.executorConfig)
  }

  submitWith(workload: Workload, executorConfig: unknown): void {
    this.#leases.set(dispatchIdOf(workload), { workload, externalId: null, isAccepted: false })
    this.calls.sync('queueWorkload', () =>
      this.executor.queueWorkload(workload, { queue: queueOf(workload), executorConfig }),
    )
    void this.#process()
  }

  eventsOf(workload: Workload): readonly ExecutorEvent[] {
    return this.recorded.filter(({ dispatchId }) => dispatchId === dispatchIdOf(workload))
  }

  /** How a workload ended, by the first report of it, or null. */
  endOf(workload: Workload): WorkloadExit | null {
    return this.eventsOf(workload).find((event) => event.kind === 'ended')?.exit ?? null
  }

  /** Gives the executor turns, and demands that the end of the workload was reported once. */
  async demandOneEnd(workload: Workload): Promise<void> {
    await this.linger()
    const count = this.eventsOf(workload).filter(({ kind }) => kind === 'ended').length
    demand(count === 1, `The end of the workload was reported ${count} times.`)
  }

  async ended(workload: Workload): Promise<WorkloadExit> {
    return await this.until('the end of the workload is reported', () => this.endOf(workload))
  }

  /** Resolves when every workload has ended and its end is recorded. */
  async allEnded(workloads: readonly Workload[]): Promise<readonly WorkloadExit[]> {
    const exits: WorkloadExit[] = []
    for (const workload of workloads) exits.push(await this.ended(workload))
    return exits
  }

  async revoke(taskInstance: TaskInstanceRef): Promise<void> {
    await this.calls.make('revokeTask', (signal) => this.executor.revokeTask(taskInstance, signal))
    this.#leases.delete(taskInstance.dispatchId)
  }

  /** Polls until the check answers something truthy, as long as a call may take: for what needs no work to be done. */
  async soon<T>(what: string, check: () => T | Promise<T>): Promise<Truthy<T>> {
    return await this.until(what, check, this.#parts.callPatienceMs)
  }

  /** Polls until the check answers something truthy. */
  async until<T>(
    what: string,
    check: () => T | Promise<T>,
    patienceMs: number = this.#parts.patienceMs,
  ): Promise<Truthy<T>> {
    const giveUpAt = performance.now() + patienceMs
    for (;;) {
      const answer = await check()
      if (answer) return answer as Truthy<T>
      if (performance.now() > giveUpAt)
        throw new Violation(`Not within ${patienceMs} ms: ${what}.${this.calls.problems}`)
      await sleep(10)
    }
  }

  /** Gives the executor turns, so that what it must not do would show: several ticks, and a call of `sync`. */
  async linger(): Promise<void> {
    for (let turn = 0; turn < 6; turn += 1) {
      await sleep(TICK_MS)
      await this.#process()
    }
  }

  /** Drops what dispatch knows of these workloads, so that the next instance is not asked about them. */
  forget(...workloads: readonly Workload[]): void {
    for (const workload of workloads) this.#leases.delete(dispatchIdOf(workload))
  }

  /** The server is gone at once: nothing is ended, recorded or acknowledged any more. Needs the hook `crash`. */
  async crash(): Promise<void> {
    const { executor } = this
    await this.abandon()
    await this.#parts.hooks.crash?.(executor)
    this.#unmount()
    this.#executor = null
    this.#hasCrashed = true
  }

  /** A new instance adopts what the old one had been handed; what was never accepted is handed over again. */
  async restart(): Promise<void> {
    this.#life = new AbortController()
    this.#hasCrashed = false
    await this.open()
  }

  /** Ends the executor in order, which may take as long as `signal` allows. */
  async end(signal: AbortSignal): Promise<void> {
    await this.calls.make('end', () => this.executor.end(signal))
  }

  async terminate(): Promise<void> {
    await this.calls.make('terminate', () => this.executor.terminate())
  }

  /** Calls the executor no more, and hears nothing of it. */
  async abandon(): Promise<void> {
    this.#life.abort(new Error('the server is gone'))
    await this.calls.attempt(() => Promise.all(this.#loops))
  }

  /** Forces the end of whatever is left, and says nothing of how it went. */
  async close(): Promise<void> {
    if (this.#hasCrashed) await this.calls.attempt(() => this.restart())
    const executor = this.#executor
    if (executor !== null) await this.calls.attempt(() => executor.terminate())
    await this.abandon()
    this.#executor = null
    this.#unmount()
    await this.#undoSurroundings?.()
  }

  #unmount(): void {
    if (this.#parts.isServed) this.#parts.laboratory.mount(null)
  }

  async #serve(executor: Executor): Promise<void> {
    const routes = this.#parts.executorClass.getApiRoutes?.() ?? []
    const mount = this.#parts.laboratory.mount({ executor, routes })
    // What stands beside the executor outlives it.
    if (this.#undoSurroundings !== null) return
    const { hooks, apiUrl, bundleFolder, logFolder } = this.#parts
    const undo = await hooks.surround?.({
      executor,
      apiUrl,
      bundleFolder,
      logFolder,
      mount,
    })
    this.#undoSurroundings = undo ?? null
  }

  async #adopt(executor: Executor): Promise<void> {
    const accepted: TaskInstanceRef[] = []
    for (const { workload, externalId, isAccepted } of this.#leases.values()) {
      if (isAccepted && workload.type === 'ExecuteTask') accepted.push({ ...workload.taskInstance, externalId })
      else executor.queueWorkload(workload, { queue: queueOf(workload), executorConfig: this.#parts.executorConfig })
    }
    if (accepted.length === 0) return
    const missing = await this.calls.make('tryAdoptTaskInstances', (signal) =>
      executor.tryAdoptTaskInstances(accepted, signal),
    )
    this.notAdopted.push(...missing)
  }

  #onReport(life: AbortSignal): void {
    if (life.aborted || this.isIdle) return
    this.#drain()
    void this.#process()
  }

  async #tickLoop(life: AbortSignal): Promise<void> {
    while (!life.aborted) {
      this.#drain()
      if (this.executor.slotsOccupied > 0) await this.#process()
      await pause(TICK_MS, life)
    }
  }

  async #syncLoop(executor: Executor, life: AbortSignal): Promise<void> {
    const { syncIntervalMs } = executor
    const over = new Promise((resolve) => life.addEventListener('abort', resolve, { once: true }))
    while (syncIntervalMs !== null && !life.aborted) {
      await pause(syncIntervalMs, life)
      if (life.aborted || this.isIdle) continue
      const synced = this.calls.attempt((signal) => executor.sync({ signal }), 'sync')
      await Promise.race([synced, over])
    }
  }

  async #process(): Promise<void> {
    const executor = this.#executor
    if (executor === null || this.isIdle || this.#isProcessing) return
    this.#isProcessing = true
    await this.calls.attempt((signal) => executor.processWorkloads(signal), 'processWorkloads')
    this.#isProcessing = false
  }

  #drain(): void {
    // Left alone, it is not even asked.
    const executor = this.isIdle ? null : this.#executor
    const events = executor?.getEventBuffer() ?? []
    const last = events.at(-1)
    if (executor === null || last === undefined || this.isDatabaseDown) return
    for (const { event } of events) this.#write(event)
    const ended = events.flatMap(({ event }) => (event.kind === 'ended' ? [event] : []))
    if (ended.length > 0) void this.#parts.laboratory.settle(ended)
    executor.acknowledgeEvents(last.place)
  }

  #write(event: ExecutorEvent): void {
    const { dispatchId } = event
    this.recorded.push(event)
    const lease = this.#leases.get(dispatchId)
    if (event.kind === 'ended') this.#leases.delete(dispatchId)
    else if (lease !== undefined) {
      const externalId = event.externalId ?? lease.externalId
      this.#leases.set(dispatchId, { ...lease, isAccepted: true, externalId })
    }
  }
}

interface Lease {
  readonly workload: Workload
  readonly externalId: string | null
  readonly isAccepted: boolean
}

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

function queueOf(workload: Workload): string {
  return workload.type === 'ExecuteTask' ? workload.taskInstance.queue : workload.queue
}

async function pause(ms: number, life: AbortSignal): Promise<void> {
  // Rejects for one reason only: the life is over.
  await sleep(ms, undefined, { signal: life }).catch(() => undefined)
}
