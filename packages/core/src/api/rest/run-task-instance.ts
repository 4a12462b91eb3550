import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import { adHocExecutors, type AdHocExecutors } from '../../dispatch/ad-hoc-executors.ts'
import { runTaskInstance, type RunTaskAnswer } from '../../moves/run-task-instance.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireTaskInstance } from './require.ts'
import { taskInstancePath, taskInstanceSchema, taskInstanceToWire } from './task-instances.ts'

const runBody = z
  .strictObject({ executor: z.string().nullable().default(null), ignore_dependencies: z.boolean().default(false) })
  .meta({ id: 'RunTaskInstanceBody' })

/** Fairlead's own route: a task instance is scheduled now, on an executor that can be asked for that. */
export const runTaskRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    app.post(
      '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/run',
      {
        schema: {
          tags: ['Task Instance'],
          params: taskInstancePath,
          querystring: z.object({ map_index: z.coerce.number().int().default(UNMAPPED) }),
          body: runBody,
          response: { 200: taskInstanceSchema },
        },
      },
      async ({ params, query, body, identity }) => {
        const row = await requireTaskInstance(context, params, query.map_index)
        const executors = await executorsFor(context, row)
        const answer = await runTaskInstance(context.moves, {
          actor: identity.username,
          dagId: params.dag_id,
          runId: params.dag_run_id,
          taskId: params.task_id,
          mapIndex: query.map_index,
          executor: body.executor,
          ignoresDependencies: body.ignore_dependencies,
          problemWith: (name) => executors.problemWith(name),
        })
        if (answer.kind !== 'scheduled') throw problemOf(answer, params.task_id, executors)
        const now = await requireTaskInstance(context, params, query.map_index)
        return taskInstanceToWire(now, (await versions.of([now.version_id])).get(now.version_id))
      },
    )
  }

async function executorsFor(
  { moves, executors: configured }: ApiContext,
  row: { version_id: string; task_index: number; task_id: string },
): Promise<AdHocExecutors> {
  const { database, graphs, environment } = moves
  const graph = await database.transaction((tx) => graphs.of(tx, row.version_id))
  const task = graph.tasks[row.task_index]?.spec
  if (task === undefined) throw notFound('task in the version of its run', row.task_id)
  return adHocExecutors(database, { configured, task, now: environment.clock.now() })
}

function problemOf(
  answer: Exclude<RunTaskAnswer, { kind: 'scheduled' }>,
  taskId: string,
  { able }: AdHocExecutors,
): ApiProblem {
  switch (answer.kind) {
    case 'notFound':
      return notFound('task instance', taskId)
    case 'active':
      return new ApiProblem('CONFLICT', `Task instance "${taskId}" is ${answer.state} already.`, {
        remedy: 'Wait for its end, or cancel it first.',
      })
    case 'notGone':
      return new ApiProblem('CONFLICT', `The last process of task instance "${taskId}" is not confirmed gone.`, {
        remedy: 'Try again in a moment.',
      })
    case 'unmet': {
      const upstream = [...answer.upstream].map(([id, state]) => `"${id}" is ${state}`).join(', ')
      return new ApiProblem(
        'CONFLICT',
        `Trigger rule ${answer.rule} of "${taskId}" does not let it run: ${upstream}.`,
        {
          remedy: 'Wait for what is upstream of it, or ignore its dependencies.',
        },
      )
    }
    case 'executor':
      return new ApiProblem('CONFLICT', answer.problem, {
        remedy: able.length === 0 ? 'No executor here can be asked.' : `These can be asked: ${able.join(', ')}.`,
      })
    default:
      return answer satisfies never
  }
}
