import type { DispatchId } from '@fairlead/protocol'
import type { HeldWorkload, QueuedEntry, RunningWorkload } from './held-workload.ts'

/**
 * What an executor holds, by dispatch id, and in which order the queued ones begin: callbacks first, then the highest
 * priority, then the oldest.
 *
 * Invariant: `queue` and `waiting` may name entries that were replaced since; only what `held` says counts.
 */
export class HeldWorkloads {
  readonly #held = new Map<DispatchId, HeldWorkload>()
  readonly #counts: Record<HeldWorkload['phase'], number> = { queued: 0, launching: 0, running: 0 }
  /** The most urgent one last. */
  #queue: QueuedEntry[] = []
  #isSorted = true
  /** Calls of unknown outcome, until they may be repeated. */
  #waiting: QueuedEntry[] = []

  get size(): number {
    return this.#held.size
  }

  get(dispatchId: DispatchId): HeldWorkload | undefined {
    return this.#held.get(dispatchId)
  }

  has(dispatchId: DispatchId): boolean {
    return this.#held.has(dispatchId)
  }

  countOf(phase: HeldWorkload['phase']): number {
    return this.#counts[phase]
  }

  put(dispatchId: DispatchId, held: HeldWorkload): void {
    this.remove(dispatchId)
    this.#held.set(dispatchId, held)
    this.#counts[held.phase] += 1
    if (held.phase !== 'queued') return
    if (held.notBefore > 0) this.#waiting.push(held)
    else this.#enqueue(held)
  }

  remove(dispatchId: DispatchId): void {
    const held = this.#held.get(dispatchId)
    if (held === undefined) return
    this.#held.delete(dispatchId)
    this.#counts[held.phase] -= 1
  }

  /** Up to `limit` queued workloads to begin now. The caller puts them into another phase. */
  takeDue(limit: number, now: number): readonly QueuedEntry[] {
    this.#wakeWaiting(now)
    if (!this.#isSorted) this.#queue.sort((a, b) => byUrgency(b, a))
    this.#isSorted = true
    const due: QueuedEntry[] = []
    while (due.length < limit) {
      const entry = this.#queue.pop()
      if (entry === undefined) break
      if (this.#held.get(entry.queued.dispatchId) === entry) due.push(entry)
    }
    return due
  }

  get running(): readonly RunningWorkload[] {
    return [...this.#held.values()].flatMap((held) => (held.phase === 'running' ? [held.running] : []))
  }

  #enqueue(entry: QueuedEntry): void {
    const last = this.#queue.at(-1)
    this.#isSorted &&= last === undefined || byUrgency(entry, last) < 0
    this.#queue.push(entry)
  }

  #wakeWaiting(now: number): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = waiting.filter((entry) => entry.notBefore > now)
    for (const entry of waiting) if (entry.notBefore <= now) this.#enqueue(entry)
  }
}

function byUrgency(a: QueuedEntry, b: QueuedEntry): number {
  return rank(a) - rank(b) || weight(b) - weight(a) || a.sequence - b.sequence
}

function rank(entry: QueuedEntry): number {
  return entry.queued.workload.type === 'ExecuteCallback' ? 0 : 1
}

function weight(entry: QueuedEntry): number {
  const { workload } = entry.queued
  return workload.type === 'ExecuteCallback' ? 0 : workload.taskInstance.priorityWeight
}
