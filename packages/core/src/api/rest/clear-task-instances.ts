import type { TaskInstanceState } from '@fairlead/protocol'
import { z } from 'zod'
import { clearTaskInstances } from '../../moves/clear-task-instances.ts'
import type { TaskInstanceSelection } from '../../moves/select-task-instances.ts'
import type { Routes } from '../api-context.ts'
import { changedSchema, changedWire } from './changed-task-instances.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireDag } from './require.ts'
import { momentParameter } from './wire.ts'

const clearBody = z
  .strictObject({
    dry_run: z.boolean().default(true),
    start_date: momentParameter.nullish(),
    end_date: momentParameter.nullish(),
    only_failed: z.boolean().default(true),
    only_running: z.boolean().default(false),
    reset_dag_runs: z
      .literal(true, 'Runs that have ended are queued again: nothing of them could run otherwise')
      .default(true),
    task_ids: z.array(z.union([z.string(), z.tuple([z.string(), z.int()])])).nullish(),
    dag_run_id: z.string().nullish(),
    include_upstream: z.boolean().default(false),
    include_downstream: z.boolean().default(false),
    include_future: z.boolean().default(false),
    include_past: z.boolean().default(false),
    run_on_latest_version: z.boolean().default(false),
    prevent_running_task: z.boolean().default(false),
  })
  .meta({ id: 'ClearTaskInstancesBody' })

/** Airflow's route that clears task instances. Whatever runs of them is stopped. */
export const clearRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    const answerOf = changedWire(context, versions)
    app.post(
      '/dags/:dag_id/clearTaskInstances',
      {
        schema: {
          tags: ['Task Instance'],
          params: z.object({ dag_id: z.string() }),
          body: clearBody,
          response: { 200: changedSchema },
        },
      },
      async ({ params, body, identity }) => {
        await requireDag(context, params.dag_id)
        const {
          dry_run: isDryRun,
          prevent_running_task: preventsRunning,
          run_on_latest_version: isOnLatestVersion,
        } = body
        const order = { actor: identity.username, isDryRun, preventsRunning, isOnLatestVersion }
        const answer = await clearTaskInstances(context.moves, selectionOf(params.dag_id, body), order)
        return answerOf(answer, { dagId: params.dag_id, runId: body.dag_run_id ?? null })
      },
    )
  }

type ClearBody = z.output<typeof clearBody>

function selectionOf(dagId: string, body: ClearBody): TaskInstanceSelection {
  const { task_ids: named, include_upstream: includeUpstream, include_downstream: includeDownstream } = body
  const taskIds = named?.map((one) => (typeof one === 'string' ? one : one[0])) ?? null
  return {
    dagId,
    runs: runsOf(body),
    tasks: { taskIds, includeUpstream, includeDownstream },
    mapIndexes: mapIndexesOf(named ?? []),
    states: statesOf(body),
  }
}

function runsOf(body: ClearBody): TaskInstanceSelection['runs'] {
  const { dag_run_id: runId, include_past: past, include_future: future } = body
  if (typeof runId === 'string') return { kind: 'one', runId, past, future }
  return { kind: 'span', from: body.start_date ?? null, to: body.end_date ?? null }
}

/** A task that is also named without an index is taken whole. */
function mapIndexesOf(named: NonNullable<ClearBody['task_ids']>): ReadonlyMap<string, ReadonlySet<number>> {
  const mapIndexes = new Map<string, Set<number>>()
  for (const one of named) {
    if (typeof one === 'string') continue
    const [taskId, mapIndex] = one
    mapIndexes.set(taskId, (mapIndexes.get(taskId) ?? new Set()).add(mapIndex))
  }
  for (const one of named) if (typeof one === 'string') mapIndexes.delete(one)
  return mapIndexes
}

/** As in Airflow the two filters add up. */
function statesOf(body: ClearBody): ReadonlySet<TaskInstanceState> | null {
  const states: TaskInstanceState[] = []
  if (body.only_failed) states.push('failed', 'upstream_failed')
  if (body.only_running) states.push('running')
  return states.length === 0 ? null : new Set(states)
}
