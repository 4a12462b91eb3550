import type { Random } from '../../packages/core/src/model/environment.ts'

/** A seeded stream of randomness. Streams forked by name are independent: using one more of one shifts no other. */
export class RandomStream {
  readonly #seed: number
  #state: number

  constructor(seed: number) {
    this.#seed = mix(seed)
    this.#state = this.#seed
  }

  fork(name: string): RandomStream {
    let hash = this.#seed
    for (let index = 0; index < name.length; index += 1) hash = mix(hash ^ name.charCodeAt(index))
    return new RandomStream(hash)
  }

  /** A number in [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    return (mix(this.#state) >>> 0) / 2 ** 32
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  /** A whole number, both ends included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1))
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)] as T
  }

  /** One of the keys, by their weights. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as Array<[K, number]>
    let left = this.unit() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      left -= weight
      if (left < 0) return key
    }
    return (entries.at(-1) as [K, number])[0]
  }
}

/** Randomness as core takes it. Its ids are UUIDv7 that sort as they were made. */
export function coreRandom(stream: RandomStream): Random {
  let last = 0
  let sequence = 0
  return {
    unit: () => stream.unit(),
    uuid: (nowMs) => {
      sequence = nowMs > last ? 0 : sequence + 1
      last = Math.max(last, Math.floor(nowMs)) + (sequence > 0xfff ? 1 : 0)
      sequence &= 0xfff
      const time = hex(last, 12)
      const tail = hex(0x8000 + stream.int(0, 0x3fff), 4)
      const node = hex(stream.int(0, 0xffffff), 6) + hex(stream.int(0, 0xffffff), 6)
      return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(sequence, 3)}-${tail}-${node}`
    },
  }
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0')
}

function mix(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return mixed ^ (mixed >>> 15)
}
