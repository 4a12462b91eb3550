import { BaseExecutor, type ExecutorHost, type StandardSchema } from '@fairlead/executor'
import type { ExecuteTask, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { afterEach, expect, it } from 'vitest'
import { z } from 'zod'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { endDrain, orderDrain, type DrainAnswer } from '../moves/order-drain.ts'
import { settleTaskInstances } from '../moves/settle-task-instances.ts'
import { startTaskInstances } from '../moves/start-task-instances.ts'
import { factsOfClass } from './executor-facts.ts'
import { progressOfDrain } from './drain-progress.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const WORKER = { hostname: 'here', unixname: 'me', pid: 7, nonce: 'n' }

/** Keeps what it is handed; starts it unless told to leave it queued, and ends it when told. */
class HeldExecutor extends BaseExecutor {
  override readonly syncIntervalMs = null
  readonly alive = new Map<string, ExecuteTask>()
  readonly handed: string[] = []
  readonly revoked: string[] = []
  leavesQueued = (_taskId: string): boolean => false
  readonly #context: () => MoveContext

  constructor(host: ExecutorHost, context: () => MoveContext) {
    super(host)
    this.#context = context
  }

  async executeAsync(workload: Workload): Promise<string | null> {
    if (workload.type !== 'ExecuteTask') return null
    const { id: taskInstanceId, dispatchId, taskId } = workload.taskInstance
    if (!this.leavesQueued(taskId))
      await startTaskInstances(this.#context(), [{ taskInstanceId, dispatchId, ...WORKER, startedAt: 0 }])
    this.alive.set(dispatchId, workload)
    this.handed.push(taskId)
    return null
  }

  async sync(): Promise<void> {}

  override async revokeTask(ref: TaskInstanceRef): Promise<void> {
    this.revoked.push(ref.taskId)
    await this.forget(ref.dispatchId)
    this.alive.delete(ref.dispatchId)
  }

  /** A stop of which the outside tells before it is confirmed. */
  kill(taskId: string): void {
    for (const { taskInstance } of this.alive.values()) {
      if (taskInstance.taskId !== taskId) continue
      this.alive.delete(taskInstance.dispatchId)
      this.fail(taskInstance.dispatchId, { kind: 'signaled', signal: 'SIGTERM', cause: 'killed_externally' })
    }
  }

  /** What a worker says of itself that nobody looks after, when it is told to stop. */
  async stopped({ id: taskInstanceId, dispatchId }: TaskInstanceRef): Promise<void> {
    const exit = { kind: 'shutdown' as const, detail: 'the worker was told to stop' }
    const said = { report: { state: 'failed' as const, error: null }, exit, endedAt: null, actor: 'worker' }
    await settleTaskInstances(this.#context(), [{ taskInstanceId, dispatchId, ...said }])
  }

  async finish(): Promise<void> {
    for (const { taskInstance } of this.alive.values()) {
      const said = { report: { state: 'success' as const, error: null }, exit: null, endedAt: null, actor: 'worker' }
      const { id: taskInstanceId, dispatchId } = taskInstance
      await settleTaskInstances(this.#context(), [{ taskInstanceId, dispatchId, ...said }])
      this.alive.delete(dispatchId)
      this.success(dispatchId)
    }
  }
}

class PickyExecutor extends HeldExecutor {
  static override readonly executorConfigSchema: StandardSchema = z.strictObject({ cpu: z.number().optional() })
}

interface Held {
  readonly world: World
  readonly a: HeldExecutor
  readonly b: HeldExecutor
  readonly drain: (order?: { to?: string | null; moveRunning?: boolean; force?: boolean }) => Promise<DrainAnswer>
}

async function open(engine: TestEngine, slots = 2): Promise<Held> {
  const { url, drop } = await engine.createDatabase()
  const made: HeldExecutor[] = []
  const world = await openWorld({
    url,
    times: { sweepMs: 50 },
    executors: (context, host) => {
      made.push(new HeldExecutor(host('a', slots), context), new PickyExecutor(host('b', 8), context))
      return made
    },
  })
  cleanups.push(() => world.stop(), drop)
  const [a, b] = made
  if (a === undefined || b === undefined) throw new Error('There are no executors.')
  const drain: Held['drain'] = ({ to = 'b', moveRunning = false, force = false } = {}) =>
    orderDrain(world.context, { executor: 'a', to, moveRunning, isForced: force, actor: 'ada' })
  return { world, a, b, drain }
}

const rows = ({ database }: World) =>
  database.read
    .selectFrom('task_instance')
    .select(['task_id', 'state', 'executor', 'try_number', 'max_tries', 'launch_attempts'])
    .orderBy('task_index')
    .execute()
const executorsOf = async (world: World) =>
  Object.fromEntries((await rows(world)).map((row) => [row.task_id, `${row.state} on ${row.executor}`]))
const slots = async ({ database }: World) => (await database.read.selectFrom('dispatch').selectAll().execute()).length

const FOUR = ['one', 'two', 'three', 'four'].map((id) => taskSpec(id, { executor: 'a' }))

describeOnEngines('a drain', (engine) => {
  it('sends what is queued and what waits to the other executor, and lets finish what runs', async () => {
    const { world, a, b, drain } = await open(engine)
    a.leavesQueued = (taskId) => taskId === 'two'
    world.start()
    await world.register(dagSpec('dag', FOUR))
    const runId = await world.trigger('dag')
    await eventually(() => a.handed.length === 2)
    await eventually(async () => (await world.states(runId))['one'] === 'running')
    expect(await drain()).toEqual({ kind: 'ordered' })
    await eventually(() => b.handed.length === 3)
    await eventually(() => a.revoked.length > 0)
    expect(a.revoked).toEqual(['two'])
    await eventually(async () => Object.values(await world.states(runId)).every((state) => state === 'running'))
    expect(await executorsOf(world)).toEqual({
      one: 'running on a',
      two: 'running on b',
      three: 'running on b',
      four: 'running on b',
    })
    await a.finish()
    await b.finish()
    await eventually(async () => (await world.runState(runId)) === 'success')
    await eventually(async () => (await slots(world)) === 0)
    for (const row of await rows(world)) expect(row).toMatchObject({ try_number: 1, max_tries: 1, launch_attempts: 0 })
    expect(await world.transitions(runId, 'two')).toEqual([
      'scheduled',
      'queued',
      'scheduled',
      'queued',
      'running',
      'success',
    ])
    const progress = await progressOfDrain(world.context, [], 'a')
    expect(progress).toMatchObject({ isDone: true, drain: { moved: 3 } })
  })

  it('without another executor lets work wait, says that it drains, and goes on after undrain', async () => {
    const { world, a, drain } = await open(engine)
    a.leavesQueued = () => true
    world.start()
    await world.register(dagSpec('dag', FOUR))
    await world.trigger('dag')
    await eventually(() => a.handed.length === 2)
    await drain({ to: null })
    await eventually(async () => (await slots(world)) === 0)
    expect(a.revoked.toSorted()).toEqual(a.handed.toSorted())
    expect(new Set(Object.values(await executorsOf(world)))).toEqual(new Set(['scheduled on a']))
    a.leavesQueued = () => false
    expect(await endDrain(world.context, { executor: 'a', actor: 'ada' })).toBe(true)
    await eventually(() => a.alive.size === 2)
    for (const row of await rows(world)) expect(row).toMatchObject({ try_number: 1, launch_attempts: 0 })
    expect(await endDrain(world.context, { executor: 'a', actor: 'ada' })).toBe(false)
  })

  it('with its flag stops what runs, and begins it elsewhere once it is gone, at the cost of no try', async () => {
    const { world, a, b, drain } = await open(engine)
    world.start()
    await world.register(dagSpec('dag', [taskSpec('only', { executor: 'a' })]))
    const runId = await world.trigger('dag')
    await eventually(async () => (await world.states(runId))['only'] === 'running')
    await drain({ moveRunning: true })
    await eventually(() => b.handed.length === 1)
    expect(a.alive.size).toBe(0)
    await b.finish()
    await eventually(async () => (await world.runState(runId)) === 'success')
    // The first try had begun; the one that is added for it is not the author's.
    expect(await rows(world)).toMatchObject([{ executor: 'b', state: 'success', try_number: 2, max_tries: 2 }])
  })

  it('costs no try either when the death of a process is heard of before its stop is confirmed', async () => {
    const { world, a, b, drain } = await open(engine)
    a.revokeTask = async () => {
      a.kill('only')
      throw new Error('not now')
    }
    world.start()
    await world.register(dagSpec('dag', [taskSpec('only', { executor: 'a' })]))
    const runId = await world.trigger('dag')
    await eventually(async () => (await world.states(runId))['only'] === 'running')
    await drain({ moveRunning: true })
    await eventually(() => b.handed.length === 1)
    await b.finish()
    await eventually(async () => (await world.runState(runId)) === 'success')
  })

  it('costs no try either when the worker itself says first that it was stopped', async () => {
    const { world, a, b, drain } = await open(engine)
    const revoke = a.revokeTask.bind(a)
    a.revokeTask = async (taskInstance) => {
      await a.stopped(taskInstance)
      await revoke(taskInstance)
    }
    world.start()
    await world.register(dagSpec('dag', [taskSpec('only', { executor: 'a' })]))
    const runId = await world.trigger('dag')
    await eventually(async () => (await world.states(runId))['only'] === 'running')
    await drain({ moveRunning: true })
    await eventually(() => b.handed.length === 1)
    await b.finish()
    await eventually(async () => (await world.runState(runId)) === 'success')
    expect(await rows(world)).toMatchObject([{ executor: 'b', state: 'success', try_number: 2, max_tries: 2 }])
  })

  it('leaves a task where it is that the other executor does not take, and names it', async () => {
    const { world, a, b, drain } = await open(engine, 1)
    world.start()
    await world.register(
      dagSpec('dag', [
        taskSpec('first', { executor: 'a' }),
        taskSpec('fits', { executor: 'a', executorConfig: { cpu: 1 } }),
        taskSpec('does_not', { executor: 'a', executorConfig: { gpu: 1 } }),
      ]),
    )
    await world.trigger('dag')
    await eventually(() => a.handed.length === 1)
    await drain()
    await eventually(() => b.handed.length === 1)
    const configured = [a, b].map((executor) => ({
      name: executor.name,
      parallelism: 1,
      facts: factsOfClass(executor.constructor),
      executorConfigSchema: executor instanceof PickyExecutor ? PickyExecutor.executorConfigSchema : null,
    }))
    const progress = await progressOfDrain(world.context, configured, 'a')
    expect(progress?.staying).toMatchObject([
      { dagId: 'dag', taskId: 'does_not', count: 1, reason: expect.stringMatching(/gpu/) },
    ])
    expect(progress?.isDone).toBe(false)
    await a.finish()
    await eventually(async () => (await progressOfDrain(world.context, configured, 'a'))?.isDone)
  })

  it('also concerns what becomes ready later, and retries', async () => {
    const { world, a, b, drain } = await open(engine)
    world.start()
    await world.register(
      dagSpec('dag', [
        taskSpec('before', { executor: 'a' }),
        taskSpec('after', { executor: 'a', upstream: ['before'] }),
      ]),
    )
    await world.trigger('dag')
    await eventually(() => a.alive.size === 1)
    await eventually(async () => (await executorsOf(world))['before'] === 'running on a')
    await drain()
    await a.finish()
    await eventually(() => b.handed.length === 1)
    expect(b.handed).toEqual(['after'])
  })

  it('empties an executor that nobody has any more, and its slots only by order', async () => {
    const { world, b } = await open(engine)
    await world.register(
      dagSpec('dag', [taskSpec('lost', { executor: 'gone' }), taskSpec('left', { executor: 'gone' })]),
    )
    const runId = await world.trigger('dag')
    world.start()
    await eventually(async () => (await world.states(runId))['left'] === 'scheduled')
    await haveQueuedOn(world, 'lost')
    const order = { executor: 'gone', to: 'b', moveRunning: false, actor: 'ada' }
    await orderDrain(world.context, { ...order, isForced: false })
    await eventually(() => b.handed.length === 1)
    expect(b.handed).toEqual(['left'])
    expect(await progressOfDrain(world.context, [], 'gone')).toMatchObject({ unconfirmed: 1, isDone: false })
    await orderDrain(world.context, { ...order, isForced: true })
    await eventually(() => b.handed.length === 2)
    await b.finish()
    await eventually(async () => (await world.runState(runId)) === 'success')
    await eventually(async () => (await slots(world)) === 0)
  })

  it('is refused towards an executor that drains itself, and audited', async () => {
    const { world, drain } = await open(engine)
    await drain({ to: 'b' })
    const circle = { executor: 'b', to: 'a', moveRunning: false, isForced: false, actor: 'ada' }
    expect(await orderDrain(world.context, circle)).toEqual({ kind: 'toDraining', to: 'a' })
    const events = await world.database.read.selectFrom('audit_log').select(['event', 'actor', 'detail']).execute()
    expect(events.filter(({ event }) => event.startsWith('executor.'))).toEqual([
      { event: 'executor.drain', actor: 'ada', detail: expect.stringContaining('"to":"b"') },
    ])
  })
})

/** As a scheduler leaves it that died with the executor. */
async function haveQueuedOn({ database }: World, taskId: string): Promise<void> {
  await database.transaction(async ({ query }) => {
    const row = await query
      .selectFrom('task_instance')
      .selectAll()
      .where('task_id', '=', taskId)
      .executeTakeFirstOrThrow()
    await query
      .updateTable('task_instance')
      .set({ state: 'queued', dispatch_id: 'old', queued_at: 0, is_admissible: null })
      .where('id', '=', row.id)
      .execute()
    await query
      .updateTable('dag_run')
      .set((eb) => ({ active: eb('active', '+', 1), waiting: eb('waiting', '-', 1) }))
      .where('run_key', '=', row.run_key)
      .execute()
    await query
      .insertInto('dispatch')
      .values({
        dispatch_id: 'old',
        task_instance_id: row.id,
        run_key: row.run_key,
        task_index: row.task_index,
        map_index: row.map_index,
        executor: row.executor,
        scheduler_id: 'dead',
        created_at: 0,
        external_id: null,
        pool: row.pool,
        pool_slots: row.pool_slots,
      })
      .execute()
  })
}
