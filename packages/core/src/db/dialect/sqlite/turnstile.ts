/** Lets one user through at a time, in the order they came. */
export class Turnstile {
  #isTaken = false
  readonly #waiting: Array<() => void> = []

  /** Resolves when it is the caller's turn. */
  async enter(): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true
      return
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Lets the next one through. */
  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isTaken = false
    else next()
  }
}
