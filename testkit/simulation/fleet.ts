import { openDagGraphs } from '../../packages/core/src/db/queries/dag-graphs.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
import { ExecutionApi } from './execution-api.ts'
import { Life } from './life.ts'
import { processContext, SchedulerProcess, type ProcessDeps } from './scheduler-process.ts'

/** The server's processes, in turn and at once: whoever dies is started again after a while, under a new name. */
export class Fleet {
  readonly #deps: ProcessDeps
  readonly #life = new Life('fleet')
  readonly #schedulers: Array<SchedulerProcess | null>
  #ownApi: { readonly api: ExecutionApi; readonly life: Life; readonly context: MoveContext } | null = null
  #births = 0

  constructor(deps: ProcessDeps) {
    this.#deps = deps
    this.#schedulers = Array.from({ length: deps.plan.schedulerCount }, () => null)
  }

  start(): void {
    this.#schedulers.forEach((_, place) => this.#startScheduler(place))
    if (this.#deps.plan.hasOwnApi) this.#startApi()
  }

  get alive(): readonly SchedulerProcess[] {
    return this.#schedulers.filter((one): one is SchedulerProcess => one !== null && !one.life.isDead)
  }

  /** Serves workers; null while nobody does. */
  get api(): ExecutionApi | null {
    if (this.#ownApi !== null) return this.#ownApi.life.isDead ? null : this.#ownApi.api
    const { alive } = this
    return alive.length === 0 ? null : this.#deps.surroundings.stream.pick(alive).api
  }

  /** For moves that people make; null while no server answers. */
  get context(): MoveContext | null {
    if (this.#ownApi !== null) return this.#ownApi.life.isDead ? null : this.#ownApi.context
    return this.alive[0]?.scheduler.context ?? null
  }

  /** Kills a scheduler between two steps. */
  crashOne(): void {
    const { surroundings } = this.#deps
    if (this.alive.length === 0) return
    const victim = surroundings.stream.pick(this.alive)
    surroundings.trace.note(victim.life.name, 'is killed')
    victim.life.die()
  }

  stopOne(): void {
    if (this.alive.length > 0) void this.#deps.surroundings.stream.pick(this.alive).stop()
  }

  #startScheduler(place: number): void {
    const { plan, surroundings } = this.#deps
    this.#births += 1
    const skewMs = surroundings.stream.int(-plan.skewMs, plan.skewMs)
    const process = new SchedulerProcess(`scheduler${this.#births}`, skewMs, this.#deps)
    this.#schedulers[place] = process
    process.life.onDeath(() => this.#later(() => this.#startScheduler(place)))
    process.start()
  }

  #startApi(): void {
    this.#births += 1
    const life = new Life(`api${this.#births}`)
    const context = { ...processContext(this.#deps, life, 0), graphs: openDagGraphs(), wake: () => undefined }
    this.#ownApi = { life, context, api: new ExecutionApi(life, context, this.#deps) }
    life.onDeath(() => this.#later(() => this.#startApi()))
  }

  #later(start: () => void): void {
    const { kernel, chaos, stream } = this.#deps.surroundings
    kernel.schedule(this.#life, chaos.isOn ? stream.int(10, 20_000) : 100, start)
  }
}
