/** Everything a history did, line by line, in order. Two runs of one seed must have the same. */
export class Trace {
  readonly lines: string[] = []
  readonly #now: () => number
  readonly #isFull: boolean
  #hash = 0xcbf29ce4

  constructor(now: () => number, isFull: boolean) {
    this.#now = now
    this.#isFull = isFull
  }

  /** Adds a line. */
  note(actor: string, what: string): void {
    this.#append(`${this.#now()} ${actor}: ${what}`)
  }

  /** The same for what only a full trace shows. */
  detail(actor: string, what: () => string): void {
    if (this.#isFull) this.#append(`${this.#now()} ${actor}: ${what()}`)
  }

  /** A digest of all lines so far. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  #append(line: string): void {
    this.lines.push(line)
    let hash = this.#hash
    for (let index = 0; index < line.length; index += 1) hash = Math.imul(hash ^ line.charCodeAt(index), 0x01000193)
    this.#hash = hash
  }
}

/** Where two traces first differ, with the lines before; null when they are equal. */
export function firstDifference(first: readonly string[], second: readonly string[]): string | null {
  const length = Math.max(first.length, second.length)
  for (let index = 0; index < length; index += 1) {
    if (first[index] === second[index]) continue
    const before = first.slice(Math.max(0, index - 5), index)
    return [...before, `first run:  ${first[index] ?? '(ended)'}`, `second run: ${second[index] ?? '(ended)'}`].join(
      '\n',
    )
  }
  return null
}
