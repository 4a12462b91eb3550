/** The parts of a task that order depends on. */
export interface Ordered {
  readonly taskId: string
  readonly upstream: Iterable<string>
}

/** Tasks in topological order, ties in the given order, or the path of a cycle (its first id repeated at the end). */
export function topologicalOrder<T extends Ordered>(
  tasks: readonly T[],
): { kind: 'ordered'; tasks: T[] } | { kind: 'cycle'; path: string[] } {
  const waitingFor = new Map(tasks.map((task) => [task.taskId, new Set(task.upstream)]))
  const ordered: T[] = []
  let remaining = [...tasks]
  while (remaining.length > 0) {
    const blocked: T[] = []
    for (const task of remaining) {
      const upstream = waitingFor.get(task.taskId) ?? new Set<string>()
      const isReady = [...upstream].every((taskId) => !waitingFor.has(taskId))
      if (isReady) ordered.push(task)
      else blocked.push(task)
      if (isReady) waitingFor.delete(task.taskId)
    }
    if (blocked.length === remaining.length) return { kind: 'cycle', path: cyclePath(blocked) }
    remaining = blocked
  }
  return { kind: 'ordered', tasks: ordered }
}

// Every blocked task waits for another blocked one, so walking upstream must meet a task twice.
function cyclePath(blocked: readonly Ordered[]): string[] {
  const byId = new Map(blocked.map((task) => [task.taskId, task]))
  const walk: string[] = []
  let current: Ordered | undefined = blocked[0]
  while (current !== undefined && !walk.includes(current.taskId)) {
    walk.push(current.taskId)
    const next = [...current.upstream].find((taskId) => byId.has(taskId))
    current = next === undefined ? undefined : byId.get(next)
  }
  if (current === undefined) return walk
  const cycle = walk.slice(walk.indexOf(current.taskId)).toReversed()
  return [...cycle, ...cycle.slice(0, 1)]
}
