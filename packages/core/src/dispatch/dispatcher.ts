import type { ExecutorEvent } from '@fairlead/executor'
import type { DispatchId, ExecuteTask } from '@fairlead/protocol'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import { readDispatches, readDispatchesOf, type DispatchRow } from '../db/queries/dispatches.ts'
import { messageOf } from '../model/message-of.ts'
import type { ClaimedTask, ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { settleDispatches, type EndedDispatch, type NamedDispatch } from '../moves/settle-dispatches.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { sentryIntegrationOf } from './executor-facts.ts'
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
  /** To be handed over: what a failed turn left here, the next one makes up for. */
  readonly #pending = new Set<string>()

  constructor(executors: readonly ManagedExecutor[], options: DispatcherOptions) {
    this.executors = new Map(executors.map((executor) => [executor.name, executor]))
    this.#options = options
  }

  get offers(): ReadonlyMap<string, ExecutorOffer> {
    return new Map([...this.executors].map(([name, executor]) => [name, executor.offer]))
  }

  /** Hands claimed work to its executors, and whatever an earlier turn could not. */
  async handOver(claimed: readonly ClaimedTask[]): Promise<void> {
    for (const task of claimed) this.#pending.add(task.dispatchId)
    if (this.#pending.size > 0) await this.handOverDispatches([...this.#pending])
  }

  /** The same by dispatch id, for work that is handed over again. */
  async handOverDispatches(dispatchIds: readonly string[]): Promise<void> {
    const { context } = this.#options
    for (const dispatchId of dispatchIds) this.#pending.add(dispatchId)
    context.environment.faults.at('dispatch.beforeHandOver')
    const refused: EndedDispatch[] = []
    for (const one of await this.#prepare(dispatchIds)) {
      const problem = one.kind === 'ready' ? this.#queue(one) : one.problem
      if (problem === null) continue
      const exit = { kind: 'neverStarted' as const, detail: problem }
      refused.push({ dispatchId: one.row.dispatch_id, exit, actor: 'dispatch' })
    }
    context.environment.faults.at('dispatch.afterHandOver')
    if (refused.length > 0) await settleDispatches(context, refused)
    for (const dispatchId of dispatchIds) this.#pending.delete(dispatchId)
  }

  /**
   * Hands over what is queued for a scheduler and is not on its way: its claim was committed, and the connection broke
   * before that was known.
   */
  async handOverForgotten(schedulerId: string): Promise<void> {
    const { context } = this.#options
    const rows = await context.database.transaction((tx) => readDispatchesOf(tx, schedulerId))
    const forgotten = rows.filter(
      ({ dispatch_id: id, executor, state, is_current: isCurrent }) =>
        isCurrent === 1 && state === 'queued' && !this.isKnown(executor, id as DispatchId),
    )
    if (forgotten.length > 0) await this.handOverDispatches(forgotten.map((row) => row.dispatch_id))
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
    const ended = events.flatMap((event) => (event.kind === 'ended' ? [{ ...event, executor, actor: 'executor' }] : []))
    const named = events.flatMap((event): NamedDispatch[] =>
      event.externalId === null || event.externalId === event.dispatchId
        ? []
        : [{ dispatchId: event.dispatchId, executor, externalId: event.externalId }],
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

  async #prepare(dispatchIds: readonly string[]): Promise<readonly Prepared[]> {
    const { context } = this.#options
    const read = await context.database.transaction(async (tx) => {
      const rows = (await readDispatches(tx, dispatchIds)).filter((row) => row.is_current === 1)
      return Promise.all(
        rows.map(async (row) => ({ row, graph: await settled(context.graphs.of(tx, row.version_id)) })),
      )
    })
    return Promise.all(read.map(({ row, graph }) => this.#prepareOne(row, graph)))
  }

  async #prepareOne(row: DispatchRow, graph: PromiseSettledResult<VersionedGraph>): Promise<Prepared> {
    try {
      if (graph.status === 'rejected') throw graph.reason
      const context = { mintTicket: this.#options.mintTicket, sentryIntegration: this.#sentryOf(row.executor) }
      return { kind: 'ready', row, ...(await workloadOf(row, graph.value, context)) }
    } catch (error) {
      this.#options.log.error('workload could not be made', { dispatchId: row.dispatch_id, error })
      return { kind: 'refused', row, problem: `Its workload could not be made: ${messageOf(error)}` }
    }
  }

  #sentryOf(executor: string): string | null {
    return sentryIntegrationOf(this.executors.get(executor)?.executor.constructor ?? Object)
  }

  /** Null when the executor took it, else why it did not. */
  #queue({ row, workload, executorConfig }: Extract<Prepared, { kind: 'ready' }>): string | null {
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
      return `Executor "${row.executor}" refused the workload: ${messageOf(error)}`
    }
  }

  /** True while the work is on its way to its executor. */
  isPending(dispatchId: string): boolean {
    return this.#pending.has(dispatchId)
  }

  /** True while the work is on its way to its executor, held there, or reported and not settled yet. */
  isKnown(executor: string, dispatchId: DispatchId): boolean {
    if (this.isPending(dispatchId)) return true
    const managed = this.executors.get(executor)
    if (managed === undefined) return false
    return managed.holds(dispatchId) || managed.events.some(({ event }) => event.dispatchId === dispatchId)
  }
}

type Prepared =
  | {
      readonly kind: 'ready'
      readonly row: DispatchRow
      readonly workload: ExecuteTask
      readonly executorConfig: unknown
    }
  | { readonly kind: 'refused'; readonly row: DispatchRow; readonly problem: string }

async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([promise])
  return result
}
