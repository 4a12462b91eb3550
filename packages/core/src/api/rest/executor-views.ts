import type { Executor } from '@fairlead/executor'
import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import { refOfTaskInstance } from '../../dispatch/ref-of-task-instance.ts'
import { timeBox } from '../../dispatch/time-box.ts'
import { messageOf } from '../../model/message-of.ts'
import type { ApiContext, MountedView, MountedViews, Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import { requireTaskInstance, requireTry } from './require.ts'
import { taskInstancePath } from './task-instances.ts'

const viewSchema = z
  .object({
    executor_name: z.string(),
    view_id: z.string(),
    title: z.string(),
    kind: z.enum(['page', 'task_instance']),
    /** JSON Schema of the view's data. */
    schema: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'ExecutorViewResponse' })
const collectionSchema = z
  .object({ executor_views: z.array(viewSchema), total_entries: z.int() })
  .meta({ id: 'ExecutorViewCollectionResponse' })
const dataSchema = viewSchema.extend({ data: z.unknown() }).meta({ id: 'ExecutorViewDataResponse' })

const tags = ['Executor']
const page = z.object({ executor_name: z.string(), view_id: z.string() })
const ofTask = taskInstancePath.extend({ view_id: z.string() })
const TASK = '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/executorViews'
const query = z.object({ map_index: z.coerce.number().int().default(UNMAPPED) })
const tryQuery = query.extend({ try_number: z.coerce.number().int().optional() })

/** Fairlead's own routes: what executors show of themselves, and of the task instances that they run. */
export const executorViewRoutes: Routes = (app, context) => {
  app.get('/executorViews', { schema: { tags, response: { 200: collectionSchema } } }, () =>
    Promise.resolve(collection(context.executorViews.flatMap((mounted) => viewsOf(mounted, 'page')))),
  )
  app.get(
    '/executorViews/:executor_name/:view_id',
    { schema: { tags, params: page, response: { 200: dataSchema } } },
    async ({ params }) => {
      const { mounted, found } = requireView(context, params.executor_name, params.view_id, 'page')
      return answer(context, mounted, found, (executor, signal) => {
        if (found.view.kind !== 'page') return Promise.resolve(null)
        return found.view.data({ executor, signal })
      })
    },
  )
  app.get(
    TASK,
    { schema: { tags, params: taskInstancePath, querystring: query, response: { 200: collectionSchema } } },
    async ({ params, query: { map_index } }) => {
      const { executor } = await requireTaskInstance(context, params, map_index)
      const mounted = context.executorViews.filter((one) => one.executor === executor)
      return collection(mounted.flatMap((one) => viewsOf(one, 'taskInstance')))
    },
  )
  app.get(
    `${TASK}/:view_id`,
    { schema: { tags, params: ofTask, querystring: tryQuery, response: { 200: dataSchema } } },
    async ({ params, query: { map_index, try_number } }) => {
      const newest = await requireTaskInstance(context, params, map_index)
      const row = try_number === undefined ? newest : await requireTry(context, params, try_number, map_index)
      const { mounted, found } = requireView(context, row.executor, params.view_id, 'taskInstance')
      const taskInstance = refOfTaskInstance(row)
      if (taskInstance === null) {
        throw new ApiProblem('CONFLICT', `Task "${params.task_id}" was not handed to its executor yet.`, {
          remedy: 'Ask again when it is queued.',
        })
      }
      return answer(context, mounted, found, (executor, signal) => {
        if (found.view.kind !== 'taskInstance') return Promise.resolve(null)
        return found.view.data({ executor, signal, taskInstance })
      })
    },
  )
}

type View = z.infer<typeof viewSchema>
type Kind = MountedView['view']['kind']

function collection(views: readonly View[]): z.infer<typeof collectionSchema> {
  return { executor_views: [...views], total_entries: views.length }
}

function viewsOf({ executor, views }: MountedViews, kind: Kind): readonly View[] {
  return views.filter(({ view }) => view.kind === kind).map((mounted) => toWire(executor, mounted))
}

function toWire(executor: string, { view }: MountedView): View {
  return {
    executor_name: executor,
    view_id: view.id,
    title: view.title,
    kind: view.kind === 'page' ? 'page' : 'task_instance',
    schema: { ...view.schema },
  }
}

function requireView(
  { executorViews }: ApiContext,
  executor: string,
  viewId: string,
  kind: Kind,
): { mounted: MountedViews; found: MountedView } {
  const mounted = executorViews.find((one) => one.executor === executor)
  const found = mounted?.views.find(({ view }) => view.id === viewId && view.kind === kind)
  if (mounted !== undefined && found !== undefined) return { mounted, found }
  throw notFound(
    `view of executor "${executor}"`,
    viewId,
    'GET /api/v2/executorViews lists the pages of every executor.',
  )
}

const LONGEST_ANSWER_MS = 10_000

/** An executor that throws, hangs or answers something else than it declared is named; the API goes on. */
async function answer(
  context: ApiContext,
  { executor, instance }: MountedViews,
  found: MountedView,
  ask: (executor: Executor, signal: AbortSignal) => Promise<unknown>,
): Promise<z.infer<typeof dataSchema>> {
  const { clock } = context.moves.environment
  const asked = await timeBox(clock, LONGEST_ANSWER_MS, (signal) => ask(instance(), signal), context.signal)
  const title = `View "${found.view.id}" of executor "${executor}"`
  if (asked.kind === 'timedOut') throw failed(`${title} did not answer within ${asked.afterMs} ms.`)
  if (asked.kind === 'threw') {
    context.log.warn('view of an executor failed', { executor, view: found.view.id, error: asked.error })
    throw failed(`${title} failed: ${messageOf(asked.error)}`)
  }
  const problem = found.problemWith(asked.value)
  if (problem !== null) throw failed(`${title} answers what its own schema refuses: ${problem}`)
  return { ...toWire(executor, found), data: asked.value }
}

function failed(detail: string): ApiProblem {
  return new ApiProblem('EXECUTOR_FAILED', detail, { remedy: "Ask the executor's author; its tasks go on." })
}
