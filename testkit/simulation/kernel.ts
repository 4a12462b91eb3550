import { never, type Life } from './life.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly life: Life
  run: (() => void) | null
}

/** Taken before the globals are sealed: it lets every microtask that a step caused run to its end. */
const nextTurn = setImmediate
const drain = (): Promise<void> => new Promise((resolve) => void nextTurn(resolve))

/**
 * Virtual time and whose turn it is.
 *
 * Invariant: only one timer fires per step, and everything it causes is over before the next.
 */
export class Kernel {
  #now = 0
  #order = 0
  readonly #heap: Timer[] = []
  /** How far the wall clock was stepped from the start of the history. */
  wallOffsetMs = Date.UTC(2026, 2, 28, 22)
  steps = 0

  /** Milliseconds since the history began; never stepped. */
  get now(): number {
    return this.#now
  }

  /** Runs something at a later step, unless its process is dead by then. Answers how to cancel it. */
  schedule(life: Life, delayMs: number, run: () => void): () => void {
    this.#order += 1
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#order, life, run }
    this.#push(timer)
    return () => {
      timer.run = null
    }
  }

  /** Resolves at a later step; never when the process is dead by then. Rejects with the signal's reason. */
  sleep(life: Life, delayMs: number, signal?: AbortSignal): Promise<void> {
    if (life.isDead) return never()
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const abort = (): void => {
        cancel()
        reject(signal?.reason as Error)
      }
      const cancel = this.schedule(life, delayMs, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Fires the next timer. False when there is none. */
  async step(): Promise<boolean> {
    for (;;) {
      const timer = this.#pop()
      if (timer === undefined) return false
      if (timer.run === null || timer.life.isDead) continue
      this.#now = Math.max(this.#now, timer.at)
      this.steps += 1
      timer.run()
      await drain()
      return true
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(timer, heap[parent] as Timer)) break
      heap[index] = heap[parent] as Timer
      index = parent
    }
    heap[index] = timer
  }

  #pop(): Timer | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1
      if (!isBefore(heap[child] as Timer, last)) break
      heap[index] = heap[child] as Timer
      index = child
    }
    heap[index] = last
    return first
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}
