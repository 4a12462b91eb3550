import type { ExecutorEvent } from '@fairlead/executor'
import type { DispatchId } from '@fairlead/protocol'
import { readDispatches, type DispatchRow } from '../db/queries/dispatches.ts'
import type { ClaimedTask, ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { settleDispatches, type EndedDispatch, type NamedDispatch } from '../moves/settle-dispatches.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { ManagedExecutor } from './managed-executor.ts'
import { workloadOf, type MintTicket } from './workload-of.ts'

/** What the dispatcher works with. */
export interface DispatcherOptions {
  readonly context: MoveContext
  readonly log: Log
  readonly metrics: Metrics
  readonly mintTicket: MintTicket
}

const EVENTS_PER_TRANSACTION = 512

/**
 * Between the database and the executors: hands over what is queued, and settles what executors report.
 *
 * Invariant 1: an event is acknowledged only after what follows from it is committed.
 * Invariant 2: a dispatch that cannot be handed over is settled as never started, alone; the others go on.
 */
export class Dispatcher {
  readonly executors: ReadonlyMap<string, ManagedExecutor>
  readonly #options: DispatcherOptions

  constructor(executors: readonly ManagedExecutor[], options: DispatcherOptions) {
    this.executors = new Map(executors.map((executor) => [executor.name, executor]))
    this.#options = options
  }

  get offers(): ReadonlyMap<string, ExecutorOffer> {
    return new Map([...this.executors].map(([name, executor]) => [name, executor.offer]))
  }

  /** Hands claimed work to its executors. */
  async handOver(claimed: readonly ClaimedTask[]): Promise<void> {
    if (claimed.length === 0) return
    await this.handOverDispatches(claimed.map((task) => task.dispatchId))
  }

  /** The same by dispatch id, for work that is handed over again. */
  async handOverDispatches(dispatchIds: readonly string[]): Promise<void> {
    const { context } = this.#options
    context.environment.faults.at('dispatch.beforeHandOver')
    const refused: EndedDispatch[] = []
    for (const { row, workload, executorConfig } of await this.#workloads(dispatchIds)) {
      const problem = this.#queue(row, workload, executorConfig)
      if (problem === null) continue
      const exit = { kind: 'neverStarted' as const, detail: problem }
      refused.push({ dispatchId: row.dispatch_id, exit, actor: 'dispatch' })
    }
    context.environment.faults.at('dispatch.afterHandOver')
    if (refused.length > 0) await settleDispatches(context, refused)
  }

  /** Settles what executors have reported. Answers how many events there were. */
  async settleEvents(): Promise<number> {
    let count = 0
    for (const executor of this.executors.values()) {
      const buffered = executor.events.slice(0, EVENTS_PER_TRANSACTION)
      const last = buffered.at(-1)
      if (last === undefined) continue
      await this.#settle(
        executor.name,
        buffered.map(({ event }) => event),
      )
      this.#options.context.environment.faults.at('dispatch.beforeAcknowledge')
      executor.acknowledge(last.place)
      this.#options.context.environment.faults.at('dispatch.afterAcknowledge')
      count += buffered.length
    }
    return count
  }

  async #settle(executor: string, events: readonly ExecutorEvent[]): Promise<void> {
    const { context, metrics, log } = this.#options
    for (const { kind } of events) metrics.increment('executor.events', { executor, kind })
    const ended = events.flatMap((event) => (event.kind === 'ended' ? [{ ...event, actor: 'executor' }] : []))
    const named = events.flatMap((event): NamedDispatch[] =>
      event.externalId === null || event.externalId === event.dispatchId
        ? []
        : [{ dispatchId: event.dispatchId, externalId: event.externalId }],
    )
    if (ended.length === 0 && named.length === 0) return
    const answers = await settleDispatches(context, ended, named)
    for (const { dispatchId, exit } of ended) {
      const answer = answers.get(dispatchId)
      if (answer === undefined) metrics.increment('executor.events_dropped', { executor })
      if (answer?.kind === 'moved')
        log.warn('workload ended without a report', { executor, dispatchId, exit, to: answer.to })
    }
  }

  async #workloads(dispatchIds: readonly string[]) {
    const { context, mintTicket } = this.#options
    const rows = await context.database.transaction(async (tx) => {
      const read = await readDispatches(tx, dispatchIds)
      return Promise.all(read.map(async (row) => ({ row, graph: await context.graphs.of(tx, row.version_id) })))
    })
    return Promise.all(rows.map(async ({ row, graph }) => ({ row, ...(await workloadOf(row, graph, mintTicket)) })))
  }

  /** Null when the executor took it, else why it did not. */
  #queue(row: DispatchRow, workload: Parameters<ManagedExecutor['queue']>[0], executorConfig: unknown): string | null {
    const executor = this.executors.get(row.executor)
    if (executor === undefined) return `No executor named "${row.executor}" is configured.`
    try {
      executor.queue(workload, { queue: row.queue, executorConfig })
      return null
    } catch (error) {
      this.#options.log.error('executor refused a workload', {
        executor: row.executor,
        dispatchId: row.dispatch_id,
        error,
      })
      return `Executor "${row.executor}" refused the workload: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  /** True while its executor holds the work, or has reported something of it that is not settled yet. */
  isKnown(executor: string, dispatchId: DispatchId): boolean {
    const managed = this.executors.get(executor)
    if (managed === undefined) return false
    return managed.holds(dispatchId) || managed.events.some(({ event }) => event.dispatchId === dispatchId)
  }
}
