import { BaseExecutor, outcomeUnknown, type ExecutorHost } from '@fairlead/executor'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import type { Life } from './life.ts'
import type { Machine, SimulatedProcess, Watcher } from './machine.ts'
import { OrderedFailure } from './ordered-failure.ts'
import type { Surroundings } from './surroundings.ts'

/** What a simulated executor works with. */
export interface SimulatedExecutorDeps {
  readonly machine: Machine
  /** Of the scheduler that it lives in. */
  readonly life: Life
  readonly mode: 'push' | 'poll'
  readonly surroundings: Surroundings
  /** Told of each end that dispatch says it has dealt with. */
  acknowledged(dispatchId: string): void
  /** The dispatch id of something that runs on another machine, if anything does. */
  foreign(): string | null
  /** Told of each process that it is to stop. */
  revoked(dispatchId: string): void
}

const ANSWER_TIMEOUT_MS = 8_000

/** An honest executor in front of a machine that is hard to reach: it says what it knows, and no more. */
export class SimulatedExecutor extends BaseExecutor implements Watcher {
  override readonly syncIntervalMs: number | null
  protected override readonly launchTimeoutMs = 20_000
  readonly #deps: SimulatedExecutorDeps

  constructor(host: ExecutorHost, deps: SimulatedExecutorDeps) {
    super(host)
    this.#deps = deps
    this.syncIntervalMs = deps.mode === 'poll' ? 2_000 : null
  }

  override async start(): Promise<void> {
    await this.#travel()
  }

  async executeAsync(workload: Workload): Promise<string | null> {
    const { machine, life, surroundings } = this.#deps
    const { kernel, chaos, stream } = surroundings
    if (workload.type !== 'ExecuteTask') throw new Error('Only tasks are simulated.')
    const { dispatchId } = workload.taskInstance
    await kernel.sleep(life, stream.int(1, 20))
    if (chaos.failsCall()) throw refusal(machine.asked.has(dispatchId))
    machine.asked.add(dispatchId)
    const arrivals = chaos.submissions(kernel.now)
    for (const delayMs of arrivals) {
      kernel.schedule(machine.life, delayMs, () => void machine.submit(workload, this))
    }
    const firstMs = Math.min(...arrivals)
    if (firstMs > ANSWER_TIMEOUT_MS || chaos.losesAnswer()) {
      await kernel.sleep(life, ANSWER_TIMEOUT_MS)
      throw outcomeUnknown('No answer from the machine.')
    }
    await kernel.sleep(life, firstMs + 1)
    return `${machine.name}-${machine.find(dispatchId)?.pid ?? 0}`
  }

  async sync(): Promise<void> {
    const { machine, mode } = this.#deps
    if (mode === 'push') return
    await this.#travel()
    for (const { dispatchId } of this.runningWorkloads) {
      const process = machine.find(dispatchId)
      if (process === undefined) this.fail(dispatchId, { kind: 'lost', detail: 'The machine does not know it.' })
      else if (process.exit === null) this.running(dispatchId)
      else this.#reportEnd(process)
    }
  }

  override async tryAdoptTaskInstances(refs: readonly TaskInstanceRef[]): Promise<readonly TaskInstanceRef[]> {
    const { machine } = this.#deps
    await this.#travel()
    const missing: TaskInstanceRef[] = []
    for (const ref of refs) {
      const process = machine.find(ref.dispatchId)
      if (process === undefined) missing.push(ref)
      else {
        this.adopt(ref)
        machine.watch(ref.dispatchId, this)
      }
    }
    return missing
  }

  override async revokeTask(ref: TaskInstanceRef): Promise<void> {
    await this.#travel()
    if (this.#deps.surroundings.chaos.failsRevoke()) throw new OrderedFailure('The machine cannot be asked to stop it.')
    await this.forget(ref.dispatchId)
    this.#deps.revoked(ref.dispatchId)
    this.#deps.machine.kill(ref.dispatchId)
  }

  override acknowledgeEvents(place: number): void {
    for (const buffered of this.getEventBuffer()) {
      if (buffered.place <= place && buffered.event.kind === 'ended') this.#deps.acknowledged(buffered.event.dispatchId)
    }
    super.acknowledgeEvents(place)
  }

  /** The machine's push. It tells until it is heard, sometimes twice; what a dead scheduler heard is lost with it. */
  processEnded(process: SimulatedProcess): void {
    const { life, mode, surroundings } = this.#deps
    const { kernel, chaos } = surroundings
    if (mode === 'poll') return
    for (const delayMs of [1, ...chaos.deliveries()]) {
      kernel.schedule(life, delayMs, () => this.#reportEnd(process))
    }
  }

  #reportEnd(process: SimulatedProcess): void {
    const { surroundings, foreign } = this.#deps
    const dispatchId = process.dispatchId as DispatchId
    if (!this.hasTask(dispatchId) || process.exit === null) return
    this.ended(dispatchId, surroundings.chaos.flatters() ? { kind: 'exited', exitCode: 0 } : process.exit)
    const other = foreign()
    if (other !== null && surroundings.chaos.slanders())
      this.ended(other as DispatchId, { kind: 'exited', exitCode: 1 })
  }

  async #travel(): Promise<void> {
    const { life, surroundings } = this.#deps
    const { kernel, chaos, stream } = surroundings
    await kernel.sleep(life, stream.int(1, 20))
    if (chaos.failsCall()) throw new OrderedFailure('The machine refuses the call.')
  }
}

// Once something was sent that may still arrive, a refusal says nothing about it.
function refusal(wasAsked: boolean): Error {
  return wasAsked
    ? outcomeUnknown('The machine refuses the call.')
    : new OrderedFailure('The machine refuses the call.')
}
