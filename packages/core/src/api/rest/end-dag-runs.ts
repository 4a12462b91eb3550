import { z } from 'zod'
import { endDagRun, type EndRunOrder } from '../../moves/end-dag-run.ts'
import { noteDagRun } from '../../moves/note-dag-run.ts'
import type { Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import { changedRun, changedRunSchema } from './changed-dag-run.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireDagRun } from './require.ts'
import { repeated } from './wire.ts'

const patchBody = z
  .strictObject({
    state: z.enum(['queued', 'success', 'failed']).nullish(),
    note: z.string().max(1000).nullish(),
  })
  .meta({ id: 'DAGRunPatchBody' })

const runPath = z.object({ dag_id: z.string(), dag_run_id: z.string() })

const ONE = '/dags/:dag_id/dagRuns/:dag_run_id'

const patchSchema = {
  tags: ['DagRun'],
  params: runPath,
  body: patchBody,
  querystring: z.object({ update_mask: repeated(z.string()) }),
  response: { 200: changedRunSchema },
}

/** Routes that end a run: Airflow's mark, and Fairlead's cancel. Whatever runs of it is stopped. */
export const endRunRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    const shown = (at: { dagId: string; runId: string }, stopping: number) =>
      changedRun({ context, versions }, at, stopping)
    const end = async (order: EndRunOrder) => {
      await requireDagRun(context, order.dagId, order.runId)
      const answer = await endDagRun(context.moves, order)
      if (answer.kind !== 'done') throw refusalOf(answer, order)
      return shown(order, answer.stopping)
    }
    app.patch(ONE, { schema: patchSchema }, async ({ params, body, query, identity }) => {
      const at = { dagId: params.dag_id, runId: params.dag_run_id, actor: identity.username }
      const isSet = (field: string): boolean => query.update_mask?.includes(field) ?? true
      await requireDagRun(context, at.dagId, at.runId)
      if (isSet('note') && body.note !== undefined) await noteDagRun(context.moves, { ...at, note: body.note })
      const { state } = body
      return isSet('state') && typeof state === 'string' ? end({ ...at, as: state }) : shown(at, 0)
    })
    app.post(
      `${ONE}/cancel`,
      { schema: { tags: ['DagRun'], params: runPath, response: { 200: changedRunSchema } } },
      ({ params, identity }) =>
        end({ dagId: params.dag_id, runId: params.dag_run_id, actor: identity.username, as: 'cancelled' }),
    )
  }

function refusalOf(
  answer: { readonly kind: 'ended' | 'running' | 'runNotFound' },
  { dagId, runId }: EndRunOrder,
): ApiProblem {
  switch (answer.kind) {
    case 'ended':
      return new ApiProblem('CONFLICT', `Run "${runId}" of Dag "${dagId}" has ended: there is nothing to cancel.`)
    case 'running':
      return new ApiProblem('CONFLICT', `Run "${runId}" of Dag "${dagId}" is running, and cannot be queued.`, {
        remedy: 'Clear it, and it begins again.',
      })
    case 'runNotFound':
      return notFound(`run of Dag "${dagId}"`, runId)
    default:
      return answer.kind satisfies never
  }
}
