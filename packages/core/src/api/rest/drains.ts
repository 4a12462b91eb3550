import { z } from 'zod'
import { progressOfDrain, type DrainProgress } from '../../dispatch/drain-progress.ts'
import { overviewOfExecutors } from '../../dispatch/executor-overview.ts'
import { endDrain, orderDrain } from '../../moves/order-drain.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import { isoOf } from './wire.ts'

const path = z.object({ executor_name: z.string() })

const bodySchema = z
  .strictObject({
    to: z.string().nullable().default(null),
    move_running: z.boolean().default(false),
    force: z.boolean().default(false),
  })
  .meta({ id: 'ExecutorDrainBody' })

const progressSchema = z
  .object({
    executor: z.string(),
    to: z.string().nullable(),
    move_running: z.boolean(),
    force: z.boolean(),
    since: z.string(),
    moved: z.int(),
    waiting: z.int(),
    queued: z.int(),
    running: z.int(),
    stopping: z.int(),
    staying: z.array(z.object({ dag_id: z.string(), task_id: z.string(), count: z.int(), reason: z.string() })),
    unconfirmed: z.int(),
    is_done: z.boolean(),
    remarks: z.array(z.string()),
  })
  .meta({ id: 'ExecutorDrainResponse' })

/** Fairlead's own routes: starting nothing more on an executor, and sending its work elsewhere. */
export const drainRoutes: Routes = (app, context) => {
  const at = '/executors/:executor_name/drain'
  const answers = { tags: ['Executor'], params: path, response: { 200: progressSchema } }
  app.get(at, { schema: answers }, async ({ params }) => progressOf(context, params.executor_name))
  app.post(at, { schema: { ...answers, body: bodySchema } }, async ({ params, body, identity }) => {
    const name = params.executor_name
    await refuse(context, name, body.to)
    const order = { executor: name, to: body.to, moveRunning: body.move_running, isForced: body.force }
    const answer = await orderDrain(context.moves, { ...order, actor: identity.username })
    if (answer.kind === 'toDraining') {
      throw new ApiProblem('CONFLICT', `Executor "${answer.to}" is draining itself.`, {
        remedy: `End that first (fairlead executors undrain ${answer.to}), or choose another executor.`,
      })
    }
    return progressOf(context, name)
  })
  app.delete(
    at,
    { schema: { tags: ['Executor'], params: path, response: { 204: z.null() } } },
    async ({ params, identity }, reply) => {
      const name = params.executor_name
      if (!(await endDrain(context.moves, { executor: name, actor: identity.username }))) throw notDraining(name)
      return reply.code(204).send(null)
    },
  )
}

/** Nobody means to drain what does not exist, nor to send work where it would wait for ever. */
async function refuse({ moves, executors }: ApiContext, name: string, to: string | null): Promise<void> {
  const known = await overviewOfExecutors(moves.database, executors, moves.environment.clock.now())
  const names = known.map((one) => one.name)
  const remedy = `Known ones: ${names.join(', ')}.`
  if (!names.includes(name)) throw notFound('executor', name, remedy)
  if (to === null) return
  if (to === name) throw new ApiProblem('INVALID', `Executor "${name}" cannot be drained to itself.`, { remedy })
  const target = known.find((one) => one.name === to)
  if (target !== undefined && target.state.kind !== 'unconfigured') return
  throw new ApiProblem('INVALID', `There is no executor "${to}" that could take the work.`, { remedy })
}

async function progressOf({ moves, executors }: ApiContext, name: string): Promise<z.infer<typeof progressSchema>> {
  const progress = await progressOfDrain(moves, executors, name)
  if (progress === null) throw notDraining(name)
  const { drain, executor, staying, unconfirmed, isDone } = progress
  return {
    executor: name,
    to: drain.to,
    move_running: drain.moveRunning,
    force: drain.isForced,
    since: isoOf(drain.since),
    moved: drain.moved,
    ...executor.work,
    staying: staying.map(({ dagId, taskId, ...rest }) => ({ dag_id: dagId, task_id: taskId, ...rest })),
    unconfirmed,
    is_done: isDone,
    remarks: remarksOf(name, progress),
  }
}

function remarksOf(name: string, { unconfirmed, drain, executor }: DrainProgress): string[] {
  const remarks: string[] = []
  if (unconfirmed > 0) {
    remarks.push(
      `No scheduler has executor "${name}", so nobody can confirm that ${unconfirmed} of its processes are gone. ` +
        'They are left alone; with --force they are taken to be gone, and may then run twice.',
    )
  }
  if (drain.to === null && executor.work.waiting > 0)
    remarks.push(`${executor.work.waiting} wait on "${name}" until the drain ends, or is given --to another executor.`)
  return remarks
}

function notDraining(name: string): ApiProblem {
  return notFound('drain of executor', name, 'GET /api/v2/executors lists executors and their drains.')
}
