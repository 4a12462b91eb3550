import { dagSpecSchema } from '@fairlead/protocol'
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

/** Keeps the graphs used last. */
export function openDagGraphs(capacity = 200): DagGraphs {
  const kept = new Map<string, VersionedGraph>()
  return {
    of: async (tx, versionId) => {
      const graph = kept.get(versionId) ?? (await load(tx, versionId))
      kept.delete(versionId)
      kept.set(versionId, graph)
      const oldest = kept.keys().next()
      if (kept.size > capacity && oldest.done !== true) kept.delete(oldest.value)
      return graph
    },
  }
}

async function load({ query }: Tx, versionId: string): Promise<VersionedGraph> {
  const row = await query.selectFrom('dag_version').selectAll().where('id', '=', versionId).executeTakeFirstOrThrow()
  const spec = dagSpecSchema.parse(JSON.parse(row.spec))
  return { ...dagGraph(spec), versionId, hash: row.hash, bundleName: row.bundle_name, file: row.file }
}
