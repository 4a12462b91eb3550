import { dispatchIdOf, type DispatchId, type Workload } from '@fairlead/protocol'
import { BaseExecutor, type ExecuteOptions, type LaunchResult } from '@fairlead/executor'
import { fakeExecutorHost, type FakeHost, type FakeHostOptions } from './fake-host.ts'
import { ManualClock } from './manual-clock.ts'

/** What `executeAsync` does in a test. */
export type Execute = (workload: Workload, options: ExecuteOptions) => Promise<string | null>

/** An executor that does as told, and opens what BaseExecutor keeps for authors. */
export class ScriptedExecutor extends BaseExecutor {
  static override readonly supportsCallbacks: boolean = true
  readonly begun: DispatchId[] = []
  syncCount = 0
  #callsUnderWay = 0
  execute: Execute = async (workload) => `external-${dispatchIdOf(workload)}`

  override async executeAsync(workload: Workload, options: ExecuteOptions): Promise<string | null> {
    this.begun.push(dispatchIdOf(workload))
    return await this.execute(workload, options)
  }

  override async sync(): Promise<void> {
    this.syncCount += 1
  }

  override async executeBatch(...args: Parameters<BaseExecutor['executeBatch']>): Promise<readonly LaunchResult[]> {
    this.#callsUnderWay += 1
    try {
      return await super.executeBatch(...args)
    } finally {
      this.#callsUnderWay -= 1
    }
  }

  /** Begins what is queued, and waits until every call is answered. */
  async begin(): Promise<void> {
    await this.processWorkloads(signal)
    do await new Promise(setImmediate)
    while (this.#callsUnderWay > 0)
  }

  override forget(dispatchId: DispatchId): Promise<void> {
    return super.forget(dispatchId)
  }

  override withdraw(dispatchId: DispatchId): Promise<void> {
    return super.withdraw(dispatchId)
  }

  override adopt(...args: Parameters<BaseExecutor['adopt']>): void {
    super.adopt(...args)
  }

  get watched(): readonly unknown[] {
    return this.runningWorkloads
  }
}

/** A {@link ScriptedExecutor} that runs no callbacks. */
export class TaskOnlyExecutor extends ScriptedExecutor {
  static override readonly supportsCallbacks: boolean = false
}

/** A signal that never aborts. */
export const signal = new AbortController().signal
/** Options of a task that asks for nothing. */
export const options = { queue: 'default', executorConfig: null }

/** A scripted executor with its host and clock. */
export interface Scripted extends FakeHost {
  readonly clock: ManualClock
  readonly executor: ScriptedExecutor
  readonly queue: (...workloads: Workload[]) => void
  /** Kinds of the events that dispatch has not acknowledged. */
  readonly kinds: () => string[]
}

/** Makes a {@link Scripted}. */
export function setUp({ execute, ...given }: FakeHostOptions & { execute?: Execute } = {}): Scripted {
  const clock = new ManualClock()
  const fake = fakeExecutorHost({ clock, ...given })
  const executor = new ScriptedExecutor(fake.host)
  if (execute !== undefined) executor.execute = execute
  const queue = (...workloads: Workload[]): void =>
    workloads.forEach((workload) => executor.queueWorkload(workload, options))
  const kinds = (): string[] => executor.getEventBuffer().map(({ event }) => event.kind)
  return { ...fake, clock, executor, queue, kinds }
}
