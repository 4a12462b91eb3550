import { z } from 'zod'
import { clearTaskInstances } from '../../moves/clear-task-instances.ts'
import { deleteDagRun } from '../../moves/delete-dag-run.ts'
import type { Routes } from '../api-context.ts'
import { ApiProblem } from '../problem.ts'
import { changedRun, changedRunSchema } from './changed-dag-run.ts'
import { changedSchema, changedWire } from './changed-task-instances.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireDagRun } from './require.ts'

const clearBody = z
  .strictObject({
    dry_run: z.boolean().default(true),
    only_failed: z.boolean().default(false),
    run_on_latest_version: z.boolean().default(false),
  })
  .meta({ id: 'DAGRunClearBody' })

const runPath = z.object({ dag_id: z.string(), dag_run_id: z.string() })

const ONE = '/dags/:dag_id/dagRuns/:dag_run_id'

const clearSchema = {
  tags: ['DagRun'],
  params: runPath,
  body: clearBody,
  response: { 200: z.union([changedSchema, changedRunSchema]) },
}

/** Airflow's routes that clear a run, and delete one that has ended. */
export const clearRunRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    const changed = changedWire(context, versions)
    app.post(`${ONE}/clear`, { schema: clearSchema }, async ({ params, body, identity }) => {
      const at = { dagId: params.dag_id, runId: params.dag_run_id }
      await requireDagRun(context, at.dagId, at.runId)
      const { dry_run: isDryRun, run_on_latest_version: isOnLatestVersion } = body
      const order = { actor: identity.username, isDryRun, preventsRunning: false, isOnLatestVersion }
      const list = await changed(await clearTaskInstances(context.moves, wholeRun(at, body.only_failed), order), at)
      return body.dry_run ? list : changedRun({ context, versions }, at, list.stopping)
    })
    app.delete(
      ONE,
      { schema: { tags: ['DagRun'], params: runPath, response: { 204: z.null() } } },
      async ({ params, identity }, reply) => {
        const at = { dagId: params.dag_id, runId: params.dag_run_id }
        await requireDagRun(context, at.dagId, at.runId)
        const answer = await deleteDagRun(context.moves, { ...at, actor: identity.username })
        if (answer.kind === 'notEnded')
          throw new ApiProblem('CONFLICT', `Run "${at.runId}" of Dag "${at.dagId}" is ${answer.state}.`, {
            remedy: 'Cancel it first.',
          })
        if (answer.kind === 'live')
          throw new ApiProblem('CONFLICT', `${answer.count} processes of run "${at.runId}" are not gone yet.`, {
            remedy: 'Try again in a moment.',
          })
        return reply.code(204).send(null)
      },
    )
  }

function wholeRun({ dagId, runId }: { dagId: string; runId: string }, onlyFailed: boolean) {
  return {
    dagId,
    runs: { kind: 'one', runId, past: false, future: false },
    tasks: { taskIds: null, includeUpstream: false, includeDownstream: false },
    mapIndexes: new Map<string, Set<number>>(),
    states: onlyFailed ? new Set(['failed', 'upstream_failed'] as const) : null,
  } as const
}
