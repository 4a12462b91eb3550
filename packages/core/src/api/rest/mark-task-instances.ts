import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import { markTaskInstances } from '../../moves/mark-task-instances.ts'
import type { TaskInstanceSelection } from '../../moves/select-task-instances.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem } from '../problem.ts'
import { changedSchema, changedWire } from './changed-task-instances.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireTaskInstance, type TaskInstancePath } from './require.ts'
import { taskInstancePath } from './task-instances.ts'
import { repeated } from './wire.ts'

const MARKS = ['success', 'failed', 'skipped'] as const

const patchBody = z
  .strictObject({
    new_state: z.enum(MARKS, `A task instance can be marked as ${MARKS.join(', ')}`),
    note: z.null().optional(),
    include_upstream: z.boolean().default(false),
    include_downstream: z.boolean().default(false),
    include_future: z.boolean().default(false),
    include_past: z.boolean().default(false),
  })
  .meta({ id: 'PatchTaskInstanceBody' })

const patchQuery = z.object({ map_index: z.coerce.number().int().optional(), update_mask: repeated(z.string()) })
const cancelQuery = z.object({ map_index: z.coerce.number().int().default(UNMAPPED) })
const mappedPath = taskInstancePath.extend({ map_index: z.coerce.number().int() })

const ONE = '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id'

/** Airflow's routes that mark a task instance. Whatever runs of it is stopped. */
export const markRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    const mark = marking(context, versions)
    for (const isDryRun of [false, true]) {
      const end = isDryRun ? '/dry_run' : ''
      const schema = { tags: ['Task Instance'], body: patchBody, response: { 200: changedSchema } }
      app.patch(
        `${ONE}${end}`,
        { schema: { ...schema, params: taskInstancePath, querystring: patchQuery } },
        ({ params, query, body, identity }) =>
          mark(params, body, { mapIndex: query.map_index, isDryRun, actor: identity.username }),
      )
      app.patch(
        `${ONE}/:map_index${end}`,
        { schema: { ...schema, params: mappedPath } },
        ({ params, body, identity }) =>
          mark(params, body, { mapIndex: params.map_index, isDryRun, actor: identity.username }),
      )
    }
  }

/** Fairlead's own route: a task instance is stopped, fails, and is not tried again. */
export const cancelRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    const answerOf = changedWire(context, versions)
    app.post(
      `${ONE}/cancel`,
      {
        schema: {
          tags: ['Task Instance'],
          params: taskInstancePath,
          querystring: cancelQuery,
          response: { 200: changedSchema },
        },
      },
      async ({ params, query, identity }) => {
        const row = await requireTaskInstance(context, params, query.map_index)
        const order = { actor: identity.username, isDryRun: false, mark: 'cancelled' } as const
        const answer = await markTaskInstances(context.moves, oneSelection(params, query.map_index, ALONE), order)
        if (answer.kind === 'done' && answer.rows.length === 0) throw settledBefore(row)
        return answerOf(answer, { dagId: params.dag_id, runId: params.dag_run_id })
      },
    )
  }

function marking(context: ApiContext, versions: VersionCache) {
  const answerOf = changedWire(context, versions)
  return async (
    path: TaskInstancePath,
    body: z.output<typeof patchBody>,
    given: { mapIndex: number | undefined; isDryRun: boolean; actor: string },
  ) => {
    await requireTaskInstance(context, path, given.mapIndex)
    const { isDryRun, actor } = given
    const order = { actor, isDryRun, mark: body.new_state }
    const answer = await markTaskInstances(context.moves, oneSelection(path, given.mapIndex, body), order)
    return answerOf(answer, { dagId: path.dag_id, runId: path.dag_run_id })
  }
}

/** How far a change reaches from the task instance that is named. */
interface Reach {
  readonly include_upstream: boolean
  readonly include_downstream: boolean
  readonly include_future: boolean
  readonly include_past: boolean
}

const ALONE: Reach = {
  include_upstream: false,
  include_downstream: false,
  include_future: false,
  include_past: false,
}

function oneSelection(path: TaskInstancePath, mapIndex: number | undefined, reach: Reach): TaskInstanceSelection {
  return {
    dagId: path.dag_id,
    runs: { kind: 'one', runId: path.dag_run_id, past: reach.include_past, future: reach.include_future },
    tasks: {
      taskIds: [path.task_id],
      includeUpstream: reach.include_upstream,
      includeDownstream: reach.include_downstream,
    },
    mapIndexes: mapIndex === undefined ? new Map() : new Map([[path.task_id, new Set([mapIndex])]]),
    states: null,
  }
}

function settledBefore(row: { task_id: string; state: string }): ApiProblem {
  return new ApiProblem(
    'CONFLICT',
    `Task instance "${row.task_id}" has settled as ${row.state}: there is nothing to cancel.`,
  )
}
