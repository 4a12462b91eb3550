import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import { z } from 'zod'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireDag } from './require.ts'

const timeDeltaSchema = z
  .object({ __type: z.literal('TimeDelta'), days: z.int(), seconds: z.int(), microseconds: z.int() })
  .meta({ id: 'TimeDelta' })

const taskSchema = z
  .object({
    task_id: z.string().nullable(),
    task_display_name: z.string().nullable(),
    owner: z.string().nullable(),
    start_date: z.string().nullable(),
    end_date: z.string().nullable(),
    trigger_rule: z.string().nullable(),
    depends_on_past: z.boolean(),
    wait_for_downstream: z.boolean(),
    retries: z.number().nullable(),
    queue: z.string().nullable(),
    pool: z.string().nullable(),
    pool_slots: z.number().nullable(),
    execution_timeout: timeDeltaSchema.nullable(),
    retry_delay: timeDeltaSchema.nullable(),
    retry_exponential_backoff: z.number(),
    priority_weight: z.number().nullable(),
    weight_rule: z.string().nullable(),
    ui_color: z.string().nullable(),
    ui_fgcolor: z.string().nullable(),
    template_fields: z.array(z.string()).nullable(),
    downstream_task_ids: z.array(z.string()).nullable(),
    doc_md: z.string().nullable(),
    operator_name: z.string().nullable(),
    params: z.record(z.string(), z.unknown()).nullable(),
    class_ref: z.record(z.string(), z.unknown()).nullable(),
    is_mapped: z.boolean().nullable(),
    extra_links: z.array(z.string()),
  })
  .meta({ id: 'TaskResponse' })

const ORDERS: Readonly<Record<string, (a: TaskSpec, b: TaskSpec) => number>> = {
  task_id: (a, b) => (a.taskId < b.taskId ? -1 : 1),
  trigger_rule: (a, b) => a.triggerRule.localeCompare(b.triggerRule),
  priority_weight: (a, b) => a.priorityWeight - b.priorityWeight,
  queue: (a, b) => a.queue.localeCompare(b.queue),
}

/** Routes of the tasks of a Dag's newest version. */
export const taskRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    app.get(
      '/dags/:dag_id/tasks',
      {
        schema: {
          tags: ['Task'],
          params: z.object({ dag_id: z.string() }),
          querystring: z.object({ order_by: z.string().default('task_id') }),
          response: {
            200: z
              .object({ tasks: z.array(taskSchema), total_entries: z.int() })
              .meta({ id: 'TaskCollectionResponse' }),
          },
        },
      },
      async ({ params, query }) => {
        const spec = await specOf(context, versions, params.dag_id)
        const order = ORDERS[query.order_by.replace(/^-/, '')]
        if (order === undefined) {
          throw new ApiProblem('BAD_REQUEST', `Tasks cannot be ordered by "${query.order_by}".`, {
            remedy: `Order by one of: ${Object.keys(ORDERS).join(', ')}; a minus before it reverses.`,
          })
        }
        const sorted = spec.tasks.toSorted(order)
        if (query.order_by.startsWith('-')) sorted.reverse()
        const downstream = downstreamOf(spec)
        return { tasks: sorted.map((task) => toWire(task, spec, downstream)), total_entries: sorted.length }
      },
    )
    app.get(
      '/dags/:dag_id/tasks/:task_id',
      {
        schema: {
          tags: ['Task'],
          params: z.object({ dag_id: z.string(), task_id: z.string() }),
          response: { 200: taskSchema },
        },
      },
      async ({ params }) => {
        const spec = await specOf(context, versions, params.dag_id)
        const task = spec.tasks.find(({ taskId }) => taskId === params.task_id)
        if (task === undefined) throw notFound(`task of Dag "${params.dag_id}"`, params.task_id)
        return toWire(task, spec, downstreamOf(spec))
      },
    )
  }

/** The word for what a task runs, where Airflow names a class. */
export function operatorOf(task: TaskSpec | undefined): string | null {
  if (task === undefined) return null
  return task.program.kind === 'shell' ? 'ShellTask' : 'Task'
}

async function specOf(context: ApiContext, versions: VersionCache, dagId: string): Promise<DagSpec> {
  const dag = await requireDag(context, dagId)
  const version = (await versions.of([dag.version_id])).get(dag.version_id)
  if (version === undefined) throw new Error(`Dag "${dagId}" has no version "${dag.version_id}".`)
  return version.spec
}

function downstreamOf(spec: DagSpec): ReadonlyMap<string, readonly string[]> {
  const downstream = new Map<string, string[]>(spec.tasks.map(({ taskId }) => [taskId, []]))
  for (const task of spec.tasks) {
    for (const upstream of task.upstream) downstream.get(upstream)?.push(task.taskId)
  }
  return downstream
}

function toWire(
  task: TaskSpec,
  spec: DagSpec,
  downstream: ReadonlyMap<string, readonly string[]>,
): z.infer<typeof taskSchema> {
  return {
    task_id: task.taskId,
    task_display_name: task.taskId,
    owner: null,
    start_date: spec.startDate === null ? null : new Date(spec.startDate).toISOString(),
    end_date: spec.endDate === null ? null : new Date(spec.endDate).toISOString(),
    trigger_rule: task.triggerRule,
    depends_on_past: false,
    wait_for_downstream: false,
    retries: task.retry.retries,
    queue: task.queue,
    pool: task.pool,
    pool_slots: task.poolSlots,
    execution_timeout: task.executionTimeoutMs === null ? null : timeDelta(task.executionTimeoutMs),
    retry_delay: timeDelta(task.retry.delayMs),
    retry_exponential_backoff: task.retry.backoff === 1 ? 0 : task.retry.backoff,
    priority_weight: task.priorityWeight,
    weight_rule: task.weightRule,
    ui_color: null,
    ui_fgcolor: null,
    template_fields: [],
    downstream_task_ids: [...(downstream.get(task.taskId) ?? [])],
    doc_md: null,
    operator_name: operatorOf(task),
    params: null,
    class_ref: null,
    is_mapped: false,
    extra_links: [],
  }
}

const DAY_MS = 86_400_000

function timeDelta(ms: number): z.infer<typeof timeDeltaSchema> {
  const rest = ms % DAY_MS
  return {
    __type: 'TimeDelta',
    days: Math.floor(ms / DAY_MS),
    seconds: Math.floor(rest / 1000),
    microseconds: (rest % 1000) * 1000,
  }
}
