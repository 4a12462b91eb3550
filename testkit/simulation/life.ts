/** Thrown inside a simulated process at the moment of its death: unwinds what is open, and reaches nobody. */
export class Crash extends Error {
  override readonly name = 'Crash'
}

/**
 * A simulated process. Once dead, what it awaits never comes and what it calls throws, so its code goes no further;
 * the kernel drops its timers.
 */
export class Life {
  readonly name: string
  /** How long it stands still before its next transaction. */
  standstillMs = 0
  #isDead = false
  readonly #atDeath: Array<() => void> = []

  constructor(name: string) {
    this.name = name
  }

  get isDead(): boolean {
    return this.#isDead
  }

  die(): void {
    if (this.#isDead) return
    this.#isDead = true
    for (const listener of this.#atDeath) listener()
  }

  onDeath(listener: () => void): void {
    this.#atDeath.push(listener)
  }

  /** For calls that answer at once. */
  refuseDead(): void {
    if (this.#isDead) throw new Crash(`${this.name} is dead.`)
  }
}

/** What a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}
