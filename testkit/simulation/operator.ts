import { DEFAULT_POOL, type DagSpec } from '@fairlead/protocol'
import { createPool, updatePool } from '../../packages/core/src/moves/change-pools.ts'
import { createDagRun } from '../../packages/core/src/moves/create-dag-run.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
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
