/**
 * Decides which call or event meets a fault. Each kind of fault has a stream of its own, so that the n-th chance of a
 * kind is decided by the seed and by n alone, whatever happens in the other streams.
 */
export class FaultDice {
  readonly #seed: number
  readonly #rolls = new Map<string, number>()

  constructor(seed: number) {
    this.#seed = seed
  }

  /** True with this probability, at this chance of this stream. */
  falls(stream: string, rate: number): boolean {
    const roll = (this.#rolls.get(stream) ?? 0) + 1
    this.#rolls.set(stream, roll)
    return rate > 0 && unit(mixed(this.#seed, stream, roll)) < rate
  }
}

/** A number that looks random, of a seed, a word and a count. */
function mixed(seed: number, stream: string, roll: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ roll
  for (let index = 0; index < stream.length; index += 1) {
    hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function unit(bits: number): number {
  return (bits >>> 0) / 2 ** 32
}
