import { setTimeout as sleep } from 'node:timers/promises'
import type { CutProxy } from '../../../testkit/cut-proxy.ts'
import type { RandomStream } from '../../../testkit/simulation/random-stream.ts'
import type { Keeper } from './keeper.ts'
import type { Part, Stage } from './stage.ts'

/** What is done to the stage, one thing at a time for each process and line. */

const WEIGHTS = {
  killPart: 6,
  killWorkerHost: 2,
  killTask: 4,
  stopPart: 5,
  stopWorkerHost: 1,
  breakDatabase: 3,
  silenceDatabase: 3,
  breakApi: 2,
  silenceApi: 2,
  endConnections: 2,
  restartPostgres: 0.3,
} as const

/** A kind of trouble. */
export type Trouble = keyof typeof WEIGHTS

/** Makes trouble at random from a seed. */
export class Troublemaker {
  readonly counts = new Map<Trouble, number>()
  readonly #stage: Stage
  readonly #keeper: Keeper
  readonly #random: RandomStream
  readonly #say: (line: string) => void
  readonly #busy = new Set<string>()
  readonly #underWay = new Set<Promise<void>>()

  constructor(stage: Stage, keeper: Keeper, random: RandomStream, say: (line: string) => void) {
    this.#stage = stage
    this.#keeper = keeper
    this.#random = random
    this.#say = say
  }

  /** Goes on until the signal aborts and everything it began is over. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.make(this.#random.weighted(WEIGHTS))
      await sleep(this.#random.int(200, 2_500))
    }
    await Promise.all(this.#underWay)
  }

  /** Begins one trouble, unless what it is done to has one already. */
  make(trouble: Trouble): void {
    const done = this.#begin(trouble)
    if (done === null) return
    this.counts.set(trouble, (this.counts.get(trouble) ?? 0) + 1)
    this.#underWay.add(done)
    void done.finally(() => this.#underWay.delete(done))
  }

  #begin(trouble: Trouble): Promise<void> | null {
    const part = this.#random.pick(this.#stage.parts)
    const { apiLine } = this.#stage
    switch (trouble) {
      case 'killPart':
        return this.#on(`process ${part.name}`, () => this.#kill(part))
      case 'killWorkerHost':
        return this.#on('process worker-host', async () => void this.#signalHost('SIGKILL'))
      case 'killTask':
        return this.#on('task', async () => this.#killTask())
      case 'stopPart':
        return this.#on(`process ${part.name}`, () => this.#stop(part))
      case 'stopWorkerHost':
        return this.#on('process worker-host', () => this.#stopHost())
      case 'breakDatabase':
        return this.#on(`line ${part.name}`, () => this.#cut(`${part.name} to database`, part.database, 'break', 4_000))
      case 'silenceDatabase':
        return this.#on(`line ${part.name}`, () =>
          this.#cut(`${part.name} to database`, part.database, 'silence', 9_000),
        )
      case 'breakApi':
        return this.#on('line api', () => this.#cut('workers to API', apiLine, 'break', 5_000))
      case 'silenceApi':
        return this.#on('line api', () => this.#cut('workers to API', apiLine, 'silence', 8_000))
      case 'endConnections':
        return this.#on('postgres', () => this.#endConnections())
      case 'restartPostgres':
        return this.#on('postgres', () => this.#restart())
      default:
        return trouble satisfies never
    }
  }

  /** Null when it has its trouble already. */
  #on(target: string, work: () => Promise<void>): Promise<void> | null {
    if (this.#busy.has(target)) return null
    this.#busy.add(target)
    return work().finally(() => this.#busy.delete(target))
  }

  async #kill(part: Part): Promise<void> {
    if (part.process.hasEnded) return
    const restartAfterMs = this.#random.int(0, 4_000)
    this.#say(`kill -9 ${part.name}, started again after ${restartAfterMs} ms`)
    this.#keeper.kill(part, restartAfterMs)
    await part.process.ended
  }

  async #stop(part: Part): Promise<void> {
    if (part.process.hasEnded) return
    const forMs = this.#random.int(300, 8_000)
    this.#say(`stop ${part.name} for ${forMs} ms`)
    part.process.signal('SIGSTOP')
    await sleep(forMs)
    part.process.signal('SIGCONT')
  }

  async #stopHost(): Promise<void> {
    const forMs = this.#random.int(300, 7_000)
    const pid = this.#signalHost('SIGSTOP')
    await sleep(forMs)
    if (pid !== null) signalIfThere(pid, 'SIGCONT')
  }

  #killTask(): void {
    const tasks = this.#stage.installation.processes.filter((line) => line.includes('child.cjs'))
    if (tasks.length === 0) return
    const pid = Number.parseInt(this.#random.pick(tasks), 10)
    if (signalIfThere(pid, 'SIGKILL')) this.#say(`kill -9 the process of a task, or one kept for the next, ${pid}`)
  }

  #signalHost(signal: NodeJS.Signals): number | null {
    const pid = this.#stage.workerHostPid
    if (pid === null || !signalIfThere(pid, signal)) return null
    this.#say(`${signal} to the worker host, process ${pid}`)
    return pid
  }

  async #cut(what: string, line: CutProxy, how: 'break' | 'silence', longestMs: number): Promise<void> {
    const forMs = this.#random.int(200, longestMs)
    this.#say(`${how} the line from ${what} for ${forMs} ms`)
    line[how]()
    await sleep(forMs)
    line.mend()
  }

  async #endConnections(): Promise<void> {
    const name = new URL(this.#stage.database.url).pathname.slice(1)
    this.#say('end every connection to the database')
    await this.#stage
      .query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
      )
      .catch(() => undefined) // It is being restarted, which ends them too.
  }

  async #restart(): Promise<void> {
    const mode = this.#random.chance(0.5) ? 'fast' : 'immediate'
    this.#say(`restart PostgreSQL (${mode})`)
    await this.#stage.postgres.restart(mode)
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false // It has ended.
  }
}
