import type { Tx } from '../../packages/core/src/db/database.ts'
import { statement } from '../../packages/core/src/db/statement.ts'
import type { AttemptModel } from './run-model.ts'
import type { Violated } from './recount.ts'

/** A slot that is taken. */
export interface DispatchRow {
  readonly dispatch_id: string
  readonly executor: string
  readonly pool: string
  readonly pool_slots: number
  /** Until when the scheduler that has it holds its lease. */
  readonly expires_at: number
}

/** What is really so, outside of every scheduler. */
export interface Truth {
  /** True while a process of this dispatch lives. */
  isAlive(dispatchId: string): boolean
  /** True when somebody had this dispatch stopped. */
  wasRevoked(dispatchId: string): boolean
  /** What workers of this dispatch have reported. */
  reported(dispatchId: string): ReadonlySet<string>
}

const dispatchRows = statement(
  () => `select p.dispatch_id, p.executor, p.pool, p.pool_slots, s.expires_at from dispatch p join scheduler s on s.id = p.scheduler_id
  order by p.dispatch_id`,
)

/** Slots are leases: one for each active attempt, never more than an executor has, given back only by the dead. */
export class SlotCheck {
  readonly #parallelism: ReadonlyMap<string, number>
  readonly #truth: Truth
  readonly #violated: Violated
  /** Dispatches with a slot, and on which executor. */
  #held: ReadonlyMap<string, string> = new Map()

  constructor(parallelism: ReadonlyMap<string, number>, truth: Truth, violated: Violated) {
    this.#parallelism = parallelism
    this.#truth = truth
    this.#violated = violated
  }

  /** How many slots are taken. */
  get heldCount(): number {
    return this.#held.size
  }

  isHeld(dispatchId: string): boolean {
    return this.#held.has(dispatchId)
  }

  isHeldOn(dispatchId: string, executor: string): boolean {
    return this.#held.get(dispatchId) === executor
  }

  /** Answers the slots that are taken, and which of them have just been. */
  async check(
    tx: Tx,
    now: number,
    { attempts, closed }: { attempts: Iterable<AttemptModel>; closed: readonly AttemptModel[] },
  ): Promise<{ readonly rows: readonly DispatchRow[]; readonly fresh: readonly DispatchRow[] }> {
    const rows = await tx.all<DispatchRow>(dispatchRows)
    const held = new Map(rows.map((row) => [row.dispatch_id, row.executor]))
    for (const [executor, parallelism] of this.#parallelism) {
      const used = rows.filter((row) => row.executor === executor).length
      if (used > parallelism)
        this.#violated('slots', `executor ${executor} has ${parallelism} slots, and ${used} are taken`)
    }
    const fresh = rows.filter((row) => !this.#held.has(row.dispatch_id))
    for (const row of fresh) {
      if (row.expires_at > now) continue
      this.#violated('leases', `${row.dispatch_id} was claimed by a scheduler that has lost its lease`)
    }
    for (const { dispatchId, task, closed: end } of attempts) {
      if (end === null && !held.has(dispatchId))
        this.#violated('slots', `${task.label} is ${task.state} without a slot`)
    }
    for (const dispatchId of this.#held.keys()) {
      if (!held.has(dispatchId)) this.#checkRelease(dispatchId, closed)
    }
    this.#held = held
    return { rows, fresh }
  }

  #checkRelease(dispatchId: string, closed: readonly AttemptModel[]): void {
    const wasLost = closed.some((one) => one.dispatchId === dispatchId && one.closed?.actor === 'sweep')
    if (!wasLost && this.#truth.isAlive(dispatchId)) {
      this.#violated('slots', `the slot of ${dispatchId} was freed while its process lives`)
    }
  }
}
