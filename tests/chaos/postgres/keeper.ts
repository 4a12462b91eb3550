import { setTimeout as sleep } from 'node:timers/promises'
import type { Part } from './stage.ts'

const LOOK_EVERY_MS = 100

/** Starts what has ended, as a supervisor of services would, and holds it against whoever ended without being killed. */
export class Keeper {
  readonly problems: string[] = []
  failedStarts = 0
  readonly #parts: readonly Part[]
  readonly #lives = new Map<string, Life>()
  #isKeeping = true

  constructor(parts: readonly Part[]) {
    this.#parts = parts
  }

  /** Ends a process; it is started again after a while. */
  kill({ name, process }: Part, restartAfterMs: number): void {
    this.#lives.set(name, {
      logLength: process.log.length,
      isKilled: true,
      restartAt: performance.now() + restartAfterMs,
    })
    process.signal('SIGKILL')
  }

  /** Keeps every part alive until it is told to leave them. */
  async run(): Promise<void> {
    while (this.#isKeeping) {
      for (const part of this.#parts) this.#lookAfter(part)
      await sleep(LOOK_EVERY_MS)
    }
  }

  leave(): void {
    this.#isKeeping = false
  }

  #lookAfter({ name, process }: Part): void {
    const life = this.#lives.get(name)
    if (!process.hasEnded || (life !== undefined && performance.now() < life.restartAt)) return
    if (life !== undefined && !life.isKilled) this.#judge(name, process.log.slice(life.logLength))
    this.#lives.set(name, { logLength: process.log.length, isKilled: false, restartAt: performance.now() + RETRY_MS })
    process.spawn()
  }

  /** A process may fail to start while its database is away; one that had started survives that. */
  #judge(name: string, said: string): void {
    if (!said.includes('Fairlead ')) this.failedStarts += 1
    else this.problems.push(`${name} ended by itself, having said:\n${said.slice(-2_000)}`)
  }
}

const RETRY_MS = 500

interface Life {
  readonly logLength: number
  readonly isKilled: boolean
  /** Not before this monotonic moment. */
  readonly restartAt: number
}
