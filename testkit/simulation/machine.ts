import type { ExecuteTask, TaskInstanceRef, WorkloadExit } from '@fairlead/protocol'
import { Life } from './life.ts'
import type { Surroundings } from './surroundings.ts'
import { runWorker, type WorkerApi } from './worker.ts'

/** What a simulated task does. */
export type Script = keyof typeof SCRIPTS

/** A process on a machine. Its record stays when it has ended. */
export interface SimulatedProcess {
  readonly dispatchId: string
  readonly taskInstanceId: string
  readonly taskId: string
  readonly hostname: string
  readonly pid: number
  readonly nonce: string
  readonly script: Script
  readonly life: Life
  readonly beginsAfterMs: number
  /** States that it has reported, whether or not anybody heard. */
  readonly reported: Set<string>
  wasLetRun: boolean
  /** How this process ended. */
  ownExit: WorkloadExit | null
  /** How the work ended, once nothing of it is left. */
  exit: WorkloadExit | null
}

/** Who is told when a process ends. */
export interface Watcher {
  processEnded(process: SimulatedProcess): void
}

const SCRIPTS = {
  success: 60,
  failed: 6,
  up_for_retry: 8,
  skipped: 6,
  diesBeforeRun: 8,
  diesAfterRun: 4,
  succeedsThenDies: 4,
  endsSilently: 3,
  freezes: 3,
  neverBegins: 2,
  neverAsks: 5,
} as const

const CALM_SCRIPTS = { success: 8, failed: 1, up_for_retry: 1, skipped: 1 } as const

/**
 * Where tasks run: outside of every scheduler, and alive when they are not. It knows a dispatch id for ever, so that
 * the same one never starts two processes.
 */
export class Machine {
  readonly name: string
  readonly life: Life
  /** Dispatch ids that were ever sent to it, arrived or not. */
  readonly asked: Set<string> = new Set()
  readonly #surroundings: Surroundings
  readonly #api: WorkerApi
  readonly #processes = new Map<string, SimulatedProcess>()
  readonly #twins = new Map<string, SimulatedProcess>()
  readonly #revoked = new Set<string>()
  readonly #watchers = new Map<string, Set<Watcher>>()
  #lastPid = 100

  constructor(name: string, surroundings: Surroundings, api: WorkerApi) {
    this.name = name
    this.life = new Life(`machine ${name}`)
    this.#surroundings = surroundings
    this.#api = api
  }

  /** True while a process of this dispatch lives that nobody has revoked. */
  isAlive(dispatchId: string): boolean {
    return this.find(dispatchId)?.exit === null && !this.#revoked.has(dispatchId)
  }

  wasRevoked(dispatchId: string): boolean {
    return this.#revoked.has(dispatchId)
  }

  find(dispatchId: string): SimulatedProcess | undefined {
    return this.#processes.get(dispatchId)
  }

  get processes(): readonly SimulatedProcess[] {
    return [...this.#processes.values()]
  }

  /** Starts a process for a dispatch id that is new. Answers its external id. */
  submit(workload: ExecuteTask, watcher: Watcher): string {
    const { dispatchId } = workload.taskInstance
    if (!this.#processes.has(dispatchId)) this.#launch(workload)
    this.watch(dispatchId, watcher)
    return `${this.name}-${this.#processes.get(dispatchId)?.pid ?? 0}`
  }

  /** Tells somebody of the end of a process, at once when it has ended. */
  watch(dispatchId: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(dispatchId) ?? new Set()
    this.#watchers.set(dispatchId, watchers.add(watcher))
    const known = this.#processes.get(dispatchId)
    if (known !== undefined && known.exit !== null) watcher.processEnded(known)
  }

  /** Ends what runs. A call still on its way may begin it after that; it is then on its own, and will be refused. */
  kill(dispatchId: string): void {
    this.#revoked.add(dispatchId)
    for (const process of this.#allOf(dispatchId)) {
      this.end(process, { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
    }
  }

  /** Every process ends at once. */
  crash(): void {
    for (const process of [...this.#processes.values(), ...this.#twins.values()]) {
      this.end(process, { kind: 'lost', detail: 'The machine crashed.' })
    }
  }

  /** Work is over once all of its processes are: by the end of the one that was let run. */
  end(process: SimulatedProcess, exit: WorkloadExit): void {
    if (process.ownExit !== null) return
    process.ownExit = exit
    process.life.die()
    this.#surroundings.trace.note(process.life.name, `ends, ${exit.kind}`)
    const all = this.#allOf(process.dispatchId)
    if (all.some((one) => one.ownExit === null)) return
    const [first] = all
    if (first === undefined) return
    first.exit = (all.find((one) => one.wasLetRun) ?? process).ownExit
    for (const watcher of this.#watchers.get(process.dispatchId) ?? []) watcher.processEnded(first)
  }

  #allOf(dispatchId: string): readonly SimulatedProcess[] {
    return [this.#processes.get(dispatchId), this.#twins.get(dispatchId)].filter((one) => one !== undefined)
  }

  #launch({ taskInstance }: ExecuteTask): void {
    const process = this.#processOf(taskInstance, new Set())
    this.#processes.set(process.dispatchId, process)
    if (this.#surroundings.chaos.beginsTwice()) {
      this.#twins.set(process.dispatchId, this.#processOf(taskInstance, process.reported))
    }
    for (const one of this.#allOf(process.dispatchId)) this.#run(one, taskInstance)
  }

  #processOf(taskInstance: TaskInstanceRef, reported: Set<string>): SimulatedProcess {
    const { chaos, stream } = this.#surroundings
    this.#lastPid += 1
    const pid = this.#lastPid
    return {
      dispatchId: taskInstance.dispatchId,
      taskInstanceId: taskInstance.id,
      taskId: taskInstance.taskId,
      hostname: this.name,
      pid,
      nonce: `nonce-${pid}`,
      script: chaos.isOn ? stream.weighted(SCRIPTS) : stream.weighted(CALM_SCRIPTS),
      life: new Life(`${this.name}/${pid}`),
      beginsAfterMs: chaos.beginsLate() ? stream.int(4_000, 24_000) : stream.int(1, 400),
      reported,
      wasLetRun: false,
      ownExit: null,
      exit: null,
    }
  }

  #run(process: SimulatedProcess, taskInstance: TaskInstanceRef): void {
    const { trace } = this.#surroundings
    const { dagId, runId, taskId, tryNumber } = taskInstance
    trace.note(process.life.name, `launched for ${dagId} ${runId} ${taskId} try ${tryNumber}, will: ${process.script}`)
    void runWorker(process, {
      surroundings: this.#surroundings,
      network: this.life,
      api: this.#api,
      end: (exit) => this.end(process, exit),
    })
  }
}
