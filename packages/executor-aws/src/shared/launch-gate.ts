import type { AwsFailure } from './aws-failure.ts'
import { fullJitterMs } from './full-jitter.ts'
import { GATE_BACKOFFS } from './launch-policy.ts'

/** What the gate needs of the world. */
export interface GateEnvironment {
  readonly now: () => number
  readonly random: () => number
}

type Closing = keyof typeof GATE_BACKOFFS

/**
 * Keeps a whole instance from launching while each launch would meet the same: throttling, credentials that are refused,
 * a service that cannot be reached. One call finds out for all; the others wait without asking.
 */
export class LaunchGate {
  readonly #environment: GateEnvironment
  #closed: {
    readonly kind: Closing
    readonly failures: number
    readonly until: number
    readonly detail: string
  } | null = null

  constructor(environment: GateEnvironment) {
    this.#environment = environment
  }

  /** Why nothing is launched, or null while the gate is open. */
  get reason(): string | null {
    return this.#closed?.detail ?? null
  }

  /** How long to wait before the next launch, with a spread of its own; 0 when it may be tried now. */
  waitMs(): number {
    const { now, random } = this.#environment
    const left = (this.#closed?.until ?? 0) - now()
    return left <= 0 ? 0 : Math.ceil(left * (1 + random() / 4))
  }

  /** Notes a failure; answers how long the caller waits. Failures that concern one workload alone change nothing. */
  close({ kind, detail }: AwsFailure): number {
    if (kind !== 'throttled' && kind !== 'credentials' && kind !== 'unreachable') return 0
    const { now, random } = this.#environment
    // Calls that were under way together fail together, and count as one.
    if (this.#closed !== null && this.#closed.until > now()) return this.waitMs()
    const failures = this.#closed?.kind === kind ? this.#closed.failures + 1 : 1
    const until = now() + fullJitterMs(GATE_BACKOFFS[kind], failures, random)
    this.#closed = { kind, failures, until, detail }
    return this.waitMs()
  }

  /** A launch was answered, whatever it was answered. */
  open(): void {
    this.#closed = null
  }
}
