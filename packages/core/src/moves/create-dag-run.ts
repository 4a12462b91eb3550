import type { Tx } from '../db/database.ts'
import { appendAudit } from '../db/queries/audit.ts'
import { insertDagRun, insertRunTaskInstances } from '../db/queries/create-runs.ts'
import { readDag } from '../db/queries/dag-rows.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import { changeDagRunCounts } from '../db/queries/update-runs.ts'
import { parseTriggeredBy } from '../model/triggered-by.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { newTaskInstances } from './new-task-instances.ts'

/** A run to create. */
export interface DagRunRequest {
  readonly dagId: string
  /** Null for one made of the run type and the logical date, or the moment. */
  readonly runId: string | null
  readonly runType: 'manual' | 'scheduled' | 'backfill'
  readonly logicalDate: number | null
  readonly dataInterval: { readonly start: number; readonly end: number } | null
  /** Null for at once. */
  readonly runAfter: number | null
  readonly conf: Readonly<Record<string, unknown>> | null
  readonly note: string | null
  /** What asks, and who: `rest_api:ada`, or `timetable`. The audit log names the account, where there is one. */
  readonly triggeredBy: string
}

/** What became of it. */
export type CreateDagRunAnswer =
  | { readonly kind: 'created'; readonly runKey: number; readonly runId: string }
  | { readonly kind: 'exists'; readonly runId: string }
  | { readonly kind: 'dagNotFound' }

/** Creates a queued run of the Dag's newest version with all its task instances. */
export function createDagRun(context: MoveContext, request: DagRunRequest): Promise<CreateDagRunAnswer> {
  return inTransaction(context, (tx) => createDagRunIn(tx, context, request))
}

/** The same inside an open transaction. */
export async function createDagRunIn(
  tx: Tx,
  context: MoveContext,
  request: DagRunRequest,
): Promise<CreateDagRunAnswer> {
  const dag = await readDag(tx, request.dagId)
  if (dag === undefined || dag.is_active === 0) return { kind: 'dagNotFound' }
  const now = context.environment.clock.now()
  const graph = await context.graphs.of(tx, dag.version_id)
  const runId = request.runId ?? defaultRunId(request, context)
  const run = await insertDagRun(tx, newRun(request, graph, { runId, now, maxActiveTasks: dag.max_active_tasks }), now)
  if (run === null) return { kind: 'exists', runId }
  const tasks = newTaskInstances(graph, context, { runKey: run.run_key, now })
  await insertRunTaskInstances(
    tx,
    { runKey: run.run_key, dagId: request.dagId, runId, orderDate: run.order_date },
    tasks,
  )
  await changeDagRunCounts(tx, new Map([[request.dagId, { running: 0, queued: 1 }]]))
  const { through, username } = parseTriggeredBy(request.triggeredBy)
  const audit = { event: 'dag_run.created', actor: username ?? through, dagId: request.dagId, runId, to: 'queued' }
  await appendAudit(tx, [audit], now)
  return { kind: 'created', runKey: run.run_key, runId }
}

function newRun(
  request: DagRunRequest,
  graph: VersionedGraph,
  at: { runId: string; now: number; maxActiveTasks: number },
): Parameters<typeof insertDagRun>[1] {
  return {
    dagId: request.dagId,
    runId: at.runId,
    runType: request.runType,
    logicalDate: request.logicalDate,
    dataIntervalStart: request.dataInterval?.start ?? request.logicalDate,
    dataIntervalEnd: request.dataInterval?.end ?? request.logicalDate,
    runAfter: request.runAfter ?? at.now,
    conf: request.conf === null ? null : JSON.stringify(request.conf),
    versionId: graph.versionId,
    triggeredBy: request.triggeredBy,
    note: request.note,
    maxActiveTasks: at.maxActiveTasks,
    taskCount: graph.tasks.length,
  }
}

// Airflow's run ids, with randomness where two manual runs could be asked for in the same millisecond.
function defaultRunId(request: DagRunRequest, { environment }: MoveContext): string {
  const now = environment.clock.now()
  const moment = new Date(request.logicalDate ?? request.runAfter ?? now).toISOString()
  if (request.runType !== 'manual') return `${request.runType}__${moment}`
  return `manual__${moment}_${environment.random.uuid(now).slice(-8)}`
}
