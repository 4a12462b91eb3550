import type { Lane } from './lane.ts'

/** Which executor of a chain takes a task instance. */

/** What an executor can take. One that starts takes nothing yet, and is waited for. */
export type ExecutorCapacity =
  | { readonly kind: 'open'; readonly freeSlots: number; readonly parallelism: number }
  | { readonly kind: 'starting' }
  | { readonly kind: 'unhealthy'; readonly reason: string }

/** Why an executor takes nothing. */
export type ExecutorGate =
  | { readonly kind: 'executor_not_configured'; readonly executor: string }
  | { readonly kind: 'executor_unhealthy'; readonly executor: string; readonly reason: string }
  | { readonly kind: 'executor_full'; readonly executor: string; readonly parallelism: number }

/** Where a task instance goes, or what holds it. */
export type Route =
  | { readonly kind: 'open'; readonly executor: string; readonly passedOver: readonly ExecutorGate[] }
  | { readonly kind: 'closed'; readonly gate: ExecutorGate & { readonly passedOver: readonly ExecutorGate[] } }

/**
 * The first executor of the chain that takes work, given the slots that were taken. By the rule `unavailable` one that
 * is merely full, or starting, is waited for; by the rule `full` the next one is asked.
 */
export function routeOf(
  { executors: chain, fallback }: Lane,
  executors: ReadonlyMap<string, ExecutorCapacity>,
  takenSlots: ReadonlyMap<string, number>,
): Route {
  const closed: ExecutorGate[] = []
  for (const name of chain) {
    const capacity = executors.get(name)
    const gate = executorGate(name, capacity, takenSlots.get(name) ?? 0)
    if (gate === null) return { kind: 'open', executor: name, passedOver: closed }
    closed.push(gate)
    if (fallback === 'unavailable' && (capacity?.kind === 'open' || capacity?.kind === 'starting')) break
  }
  return { kind: 'closed', gate: toldOf(closed, chain) }
}

/** Of several reasons the one that passes first by itself is told: a slot that comes free, else the first executor. */
function toldOf(closed: readonly ExecutorGate[], chain: readonly string[]) {
  const told = closed.find((gate) => gate.kind === 'executor_full') ?? closed[0] ?? notConfigured(chain[0] ?? '')
  return { ...told, passedOver: closed.filter((gate) => gate !== told) }
}

function executorGate(name: string, executor: ExecutorCapacity | undefined, taken: number): ExecutorGate | null {
  if (executor === undefined) return notConfigured(name)
  switch (executor.kind) {
    case 'unhealthy':
      return { kind: 'executor_unhealthy', executor: name, reason: executor.reason }
    case 'starting':
      return { kind: 'executor_unhealthy', executor: name, reason: 'it is starting' }
    case 'open': {
      const { parallelism } = executor
      return executor.freeSlots <= taken ? { kind: 'executor_full', executor: name, parallelism } : null
    }
    default:
      return executor satisfies never
  }
}

function notConfigured(executor: string): ExecutorGate {
  return { kind: 'executor_not_configured', executor }
}
