import { setTimeout as sleep } from 'node:timers/promises'
import { FAULT_POINTS } from '../../../packages/core/src/model/environment.ts'
import type { RandomStream } from '../../../testkit/simulation/random-stream.ts'
import type { Part } from './stage.ts'

const LOOK_EVERY_MS = 100
const RETRY_MS = 500

/** Starts what has ended, as a supervisor of services would, and holds it against whoever ended without being killed. */
export class Keeper {
  readonly problems: string[] = []
  /** Starts while the database was away. */
  failedStarts = 0
  /** Deaths at a place in the code that was chosen for them. */
  faults = 0
  readonly #parts: readonly Part[]
  readonly #random: RandomStream
  readonly #say: (line: string) => void
  readonly #lives = new Map<string, Life>()
  #isCalm = false
  #isKeeping = true

  constructor(parts: readonly Part[], random: RandomStream, say: (line: string) => void) {
    this.#parts = parts
    this.#random = random
    this.#say = say
  }

  /** Ends a process; it is started again after a while. */
  kill({ name, process }: Part, restartAfterMs: number): void {
    const restartAt = performance.now() + restartAfterMs
    this.#lives.set(name, { logLength: process.log.length, fault: null, isKilled: true, restartAt })
    process.signal('SIGKILL')
  }

  /** Keeps every part alive until it is told to leave them. */
  async run(): Promise<void> {
    while (this.#isKeeping) {
      for (const part of this.#parts) this.#lookAfter(part)
      await sleep(LOOK_EVERY_MS)
    }
  }

  /** From now on nobody is started to die, and whoever was is started again. */
  async calm(): Promise<void> {
    this.#isCalm = true
    for (const part of this.#parts) {
      if (this.#lives.get(part.name)?.fault === null) continue
      this.kill(part, 0)
      await part.process.ended
    }
  }

  leave(): void {
    this.#isKeeping = false
  }

  #lookAfter({ name, process }: Part): void {
    const life = this.#lives.get(name)
    if (!process.hasEnded || (life !== undefined && performance.now() < life.restartAt)) return
    if (life !== undefined && !life.isKilled)
      this.#judge(name, process.log.slice(life.logLength), process.endedBy, life)
    const fault = this.#chosenFault()
    this.#lives.set(name, {
      logLength: process.log.length,
      fault,
      isKilled: false,
      restartAt: performance.now() + RETRY_MS,
    })
    process.spawn(fault === null ? {} : { FAIRLEAD_FAULT: fault })
  }

  /** A process may fail to start while its database is away; one that had started survives that. */
  #judge(name: string, said: string, endedBy: NodeJS.Signals | null, { fault }: Life): void {
    if (fault !== null && endedBy === 'SIGKILL') {
      this.faults += 1
      this.#say(`${name} died at ${fault}`)
    } else if (!said.includes('Fairlead ')) this.failedStarts += 1
    else this.problems.push(`${name} ended by itself, having said:\n${said.slice(-2_000)}`)
  }

  /** A place in the code, and the how-many-th passing of it at which the process kills itself; null for most. */
  #chosenFault(): string | null {
    if (this.#isCalm || !this.#random.chance(0.7)) return null
    return `${this.#random.pick(FAULT_POINTS)}:${this.#random.int(1, 12)}`
  }
}

interface Life {
  readonly logLength: number
  readonly fault: string | null
  readonly isKilled: boolean
  /** Not before this monotonic moment. */
  readonly restartAt: number
}
