import { DEFAULT_POOL, type DagSpec } from '@fairlead/protocol'
import { createPool, updatePool } from '../../packages/core/src/moves/change-pools.ts'
import { cancelBackfill } from '../../packages/core/src/moves/change-backfill.ts'
import { createBackfill } from '../../packages/core/src/moves/create-backfill.ts'
import { createDagRun } from '../../packages/core/src/moves/create-dag-run.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
import { endDrain, orderDrain } from '../../packages/core/src/moves/order-drain.ts'
import { forgetDagFile, registerDagFile } from '../../packages/core/src/moves/register-dag-file.ts'
import { setDagPaused } from '../../packages/core/src/moves/set-dag-paused.ts'
import { MOST_POOL_SLOTS, POOLS } from './random-dag.ts'
import { randomRewrite } from './random-rewrite.ts'
import type { Fleet } from './fleet.ts'
import { Life } from './life.ts'
import type { Machine } from './machine.ts'
import type { Plan } from './plan.ts'
import type { Surroundings } from './surroundings.ts'
import type { Umpire } from './umpire.ts'

/** What the people and the world outside do to a server. */
export interface OperatorDeps {
  readonly plan: Plan
  readonly surroundings: Surroundings
  readonly fleet: Fleet
  readonly machines: ReadonlyMap<string, Machine>
  readonly umpire: Umpire
}

const STEPS_MS = [8_000, 60_000, 5 * 60_000, 15 * 60_000] as const

/** Registers Dags, triggers runs, pauses, kills and steps clocks at moments of its plan. */
export class Operator {
  readonly #deps: OperatorDeps
  readonly #life = new Life('operator')
  #underWay = 0
  #isFinishing = false

  constructor(deps: OperatorDeps) {
    this.#deps = deps
  }

  /** True when everything it began has been answered, its last orders too. */
  get isDone(): boolean {
    return this.#isFinishing && this.#underWay === 0
  }

  begin(): void {
    const { plan, fleet, machines } = this.#deps
    for (const name of POOLS) this.#sizePool(name, this.#deps.surroundings.stream.int(1, 4))
    this.#times(plan.drains, () => this.#drain())
    this.#times(plan.backfills, () => this.#backfill())
    this.#times(plan.poolChanges, () => this.#changePool())
    for (const spec of plan.dags) this.#asking(0, (context) => register(context, spec, 'v1'))
    for (const spec of plan.newVersions) this.#times(1, () => this.#change(spec))
    for (const spec of plan.dags) this.#times(plan.runs, () => this.#trigger(spec.dagId))
    this.#times(plan.pauses, () => this.#pause())
    this.#times(plan.rewrites, () => this.#rewrite())
    this.#times(plan.clockSteps, () => this.#stepClock())
    this.#times(plan.crash.most > 2 ? 1 : 0, () => fleet.crashOne())
    this.#times(plan.schedulerCount > 1 ? 1 : 0, () => fleet.stopOne())
    for (const machine of machines.values()) this.#times(plan.machine.crashes, () => machine.crash())
  }

  /** Leaves a world in which everything can end: no new scheduled runs, no pause. What was asked before comes first. */
  finish(): void {
    if (this.#underWay > 0) {
      this.#deps.surroundings.kernel.schedule(this.#life, 500, () => this.finish())
      return
    }
    this.#isFinishing = true
    for (const name of [DEFAULT_POOL, ...POOLS]) this.#sizePool(name, MOST_POOL_SLOTS)
    for (const { name } of this.#deps.plan.executors) this.#undrain(name)
    for (const { dagId } of this.#deps.plan.dags) {
      this.#asking(0, (context) => forgetDagFile(context, { bundleName: 'dags', file: `${dagId}.ts` }))
      this.#asking(1, (context) => setDagPaused(context, { dagId, isPaused: false, actor: 'operator' }))
    }
  }

  #times(count: number, act: () => void): void {
    const { kernel, stream, chaos } = this.#deps.surroundings
    for (let index = 0; index < count; index += 1) {
      kernel.schedule(this.#life, stream.int(50, this.#deps.plan.chaosMs), () => {
        if (chaos.isOn) act()
      })
    }
  }

  #trigger(dagId: string): void {
    const base = {
      runId: null,
      runType: 'manual',
      logicalDate: null,
      dataInterval: null,
      conf: null,
      note: null,
    } as const
    const { stream } = this.#deps.surroundings
    const delayMs = stream.chance(0.2) ? stream.int(100, 10_000) : null
    this.#asking(0, (context) => {
      const runAfter = delayMs === null ? null : context.environment.clock.now() + delayMs
      return createDagRun(context, { ...base, dagId, runAfter, triggeredBy: 'operator' })
    })
  }

  #drain(): void {
    const { stream, kernel, chaos } = this.#deps.surroundings
    const { executors } = this.#deps.plan
    const { name: executor } = stream.pick(executors)
    const other = executors.find(({ name }) => name !== executor)?.name ?? null
    const order = { executor, to: stream.chance(0.5) ? other : null, moveRunning: stream.chance(0.5) }
    this.#asking(0, (context) => orderDrain(context, { ...order, isForced: false, actor: 'operator' }))
    kernel.schedule(this.#life, stream.int(500, 30_000), () => {
      if (chaos.isOn) this.#undrain(executor)
    })
  }

  #undrain(executor: string): void {
    this.#asking(0, (context) => endDrain(context, { executor, actor: 'operator' }))
  }

  /** Some minutes before now of a Dag that has a schedule, if there is one. */
  #backfill(): void {
    const { stream } = this.#deps.surroundings
    const dated = this.#deps.plan.dags.filter(({ schedule }) => schedule.kind !== 'manual')
    if (dated.length === 0) return
    const { dagId } = stream.pick(dated)
    const [beganMs, minutes] = [stream.int(1, 8) * 60_000, stream.int(0, 3)]
    const shape = {
      isReversed: stream.chance(0.3),
      reprocess: stream.pick(['none', 'failed', 'completed'] as const),
      maxActiveRuns: stream.int(1, 2),
      conf: null,
      actor: 'operator',
    }
    this.#asking(0, (context) => {
      const from = context.environment.clock.now() - beganMs
      return createBackfill(context, { dagId, from, to: from + minutes * 60_000, ...shape })
    })
    if (stream.chance(0.3))
      this.#asking(stream.int(1, 10_000), (context) => cancelBackfill(context, { id: 1, actor: 'operator' }))
  }

  #changePool(): void {
    const { stream } = this.#deps.surroundings
    this.#sizePool(stream.pick([DEFAULT_POOL, ...POOLS]), stream.pick([-1, 0, 1, 2, 3, 5]))
  }

  #sizePool(name: string, slots: number): void {
    const actor = 'operator'
    this.#asking(0, async (context) => {
      const { kind } = await updatePool(context, { name, change: { slots }, actor })
      if (kind === 'moved') return
      await createPool(context, { name, slots, description: null, includeDeferred: false, actor })
    })
  }

  #change(spec: DagSpec): void {
    this.#asking(0, (context) => register(context, spec, 'v2'))
  }

  #pause(): void {
    const { stream, kernel, chaos } = this.#deps.surroundings
    const { dagId } = stream.pick(this.#deps.plan.dags)
    const set = (isPaused: boolean): void =>
      this.#asking(0, (context) => setDagPaused(context, { dagId, isPaused, actor: 'operator' }))
    set(true)
    kernel.schedule(this.#life, stream.int(100, 40_000), () => {
      if (chaos.isOn) set(false)
    })
  }

  #rewrite(): void {
    const { umpire, surroundings } = this.#deps
    const runs = [...umpire.model.runs.values()]
    if (runs.length === 0) return
    const run = surroundings.stream.pick(runs)
    const rewrite = randomRewrite(surroundings.stream, run)
    surroundings.trace.note('operator', `asks: ${rewrite.label} ${run.dagId}/${run.runId}`)
    this.#asking(0, rewrite.ask)
  }

  #stepClock(): void {
    const { stream, kernel, trace } = this.#deps.surroundings
    const longestMs = stream.pick(STEPS_MS)
    const stepMs = stream.int(-longestMs, longestMs)
    trace.note('operator', `steps the clock by ${stepMs} ms`)
    kernel.wallOffsetMs += stepMs
  }

  /** Asks until a server has answered. */
  #asking(delayMs: number, ask: (context: MoveContext) => Promise<unknown>): void {
    const { kernel } = this.#deps.surroundings
    this.#underWay += 1
    const attempt = async (): Promise<void> => {
      const { context } = this.#deps.fleet
      let isAnswered = false
      const again = (): void => {
        if (isAnswered) return
        isAnswered = true
        kernel.schedule(this.#life, 1_000, () => void attempt())
      }
      if (context === null) return again()
      // A server that dies never answers.
      const cancel = kernel.schedule(this.#life, 120_000, again)
      try {
        await ask(context)
        cancel()
        if (!isAnswered) this.#underWay -= 1
        isAnswered = true
      } catch (error) {
        cancel()
        this.#deps.umpire.judgeError('operator', error)
        again()
      }
    }
    kernel.schedule(this.#life, delayMs, () => void attempt())
  }
}

function register(context: MoveContext, spec: DagSpec, hash: string): Promise<void> {
  const file = { bundleName: 'dags', file: `${spec.dagId}.ts`, hash, dags: [spec], defaults: DEFAULTS }
  return registerDagFile(context, file)
}

const DEFAULTS = { pauseNew: false, maxActiveRuns: 16, maxActiveTasks: 16 }
