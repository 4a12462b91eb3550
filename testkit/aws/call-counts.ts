/** How often each operation was called, whatever came of it. A request that the SDK repeats counts again. */
export class CallCounts {
  readonly #counts = new Map<string, number>()

  add(operation: string): void {
    this.#counts.set(operation, this.of(operation) + 1)
  }

  /** Calls of one operation, for example `ecs:RunTask`. */
  of(operation: string): number {
    return this.#counts.get(operation) ?? 0
  }

  all(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  reset(): void {
    this.#counts.clear()
  }
}
