import { formatExecutorReference, type ExecutorEntry } from './executor-names.ts'

/**
 * By what else a Dag may name each executor, beside its own name: the text that configures it, its module, or its class,
 * as in Airflow. One that fits several executors, or is another's own name, fits none.
 */
export function findableNames(
  executors: readonly (ExecutorEntry & { readonly className: string })[],
): ReadonlyMap<string, string> {
  const owners = new Map<string, Set<string>>()
  for (const { name, reference, className } of executors) {
    const module = reference.kind === 'module' ? [reference.module] : []
    for (const other of [formatExecutorReference(reference), ...module, className]) {
      owners.set(other, (owners.get(other) ?? new Set()).add(name))
    }
  }
  const own = new Set(executors.map(({ name }) => name))
  const found = new Map<string, string>()
  for (const [other, [only, ...more]] of [...owners].map(([name, set]) => [name, [...set]] as const)) {
    if (only !== undefined && more.length === 0 && !own.has(other)) found.set(other, only)
  }
  return found
}
