import { dagSpecSchema, type DagSpec } from '@fairlead/protocol'
import { dagGraph, type DagGraph } from '../../model/graph.ts'
import type { Tx } from '../database.ts'

/** Dag versions as graphs. A version never changes, so what was read once is kept. */
export interface DagGraphs {
  of(tx: Tx, versionId: string): Promise<VersionedGraph>
}

/** A graph and where its code is. */
export interface VersionedGraph extends DagGraph {
  readonly versionId: string
  readonly hash: string
  readonly bundleName: string
  readonly file: string
}

/**
 * Keeps the graphs used last, as many as hold this many tasks together. `names` says which executor is meant by a name
 * that a Dag may use for it beside its own.
 */
export function openDagGraphs(names: ReadonlyMap<string, string> = new Map(), mostTasks = 50_000): DagGraphs {
  const kept = new Map<string, VersionedGraph>()
  let taskCount = 0
  const forget = (versionId: string, graph: VersionedGraph): void => {
    if (kept.delete(versionId)) taskCount -= graph.tasks.length
  }
  return {
    of: async (tx, versionId) => {
      const graph = kept.get(versionId) ?? (await load(tx, versionId, names))
      forget(versionId, graph)
      kept.set(versionId, graph)
      taskCount += graph.tasks.length
      for (const [oldId, old] of kept) {
        if (taskCount <= mostTasks || oldId === versionId) break
        forget(oldId, old)
      }
      return graph
    },
  }
}

async function load({ query }: Tx, versionId: string, names: ReadonlyMap<string, string>): Promise<VersionedGraph> {
  const row = await query.selectFrom('dag_version').selectAll().where('id', '=', versionId).executeTakeFirstOrThrow()
  const spec = withOwnNames(dagSpecSchema.parse(JSON.parse(row.spec)), names)
  return { ...dagGraph(spec), versionId, hash: row.hash, bundleName: row.bundle_name, file: row.file }
}

/** Each executor by its own name: rows must say the same of one executor, however its Dag calls it. */
function withOwnNames(spec: DagSpec, names: ReadonlyMap<string, string>): DagSpec {
  const nameOf = (name: string): string => names.get(name) ?? name
  const named = <T extends { executor: string | null; fallbackExecutors: string[] }>(one: T): T => {
    if (one.executor === null) return one
    const [executor = one.executor, ...fallbackExecutors] = new Set(
      [one.executor, ...one.fallbackExecutors].map(nameOf),
    )
    return { ...one, executor, fallbackExecutors }
  }
  return { ...named(spec), tasks: spec.tasks.map(named) }
}
