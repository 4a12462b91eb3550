import { afterEach, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { HeldExecutor } from '../../../../testkit/held-executor.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import { findTaskInstance } from '../db/queries/task-instance-reads.ts'
import { clearTaskInstances } from '../moves/clear-task-instances.ts'
import { endDagRun } from '../moves/end-dag-run.ts'
import { markTaskInstances } from '../moves/mark-task-instances.ts'
import { explainTaskInstance } from './explain-task-instance.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function openHeld(engine: TestEngine): Promise<{ world: World; executor: HeldExecutor; runId: string }> {
  const { url, drop } = await engine.createDatabase()
  const executors: HeldExecutor[] = []
  const world = await openWorld({
    url,
    times: { sweepMs: 50 },
    executors: (context, host) => {
      executors.push(new HeldExecutor(host('held', 4), context))
      return executors
    },
  })
  cleanups.push(() => world.stop(), drop)
  world.start()
  const [executor] = executors
  if (executor === undefined) throw new Error('There is no executor.')
  await world.register(dagSpec('dag', [taskSpec('first'), taskSpec('second', { upstream: ['first'] })]))
  const runId = await world.trigger('dag', 'run')
  await eventually(async () => (await world.states(runId))['first'] === 'running')
  return { world, executor, runId }
}

const ALL = { actor: 'ada', isDryRun: false, preventsRunning: false }

function tasks(...taskIds: string[]) {
  return {
    dagId: 'dag',
    runs: { kind: 'one', runId: 'run', past: false, future: false },
    tasks: { taskIds, includeUpstream: false, includeDownstream: false },
    mapIndexes: new Map(),
    states: null,
  } as const
}

const slots = async ({ database }: World) => (await database.read.selectFrom('dispatch').selectAll().execute()).length

async function explain({ database, context, scheduler }: World, taskId: string) {
  const row = await findTaskInstance(database.read, { dagId: 'dag', runId: 'run', taskId, mapIndex: -1 })
  if (row === undefined) throw new Error(`There is no task instance ${taskId}.`)
  return explainTaskInstance(context, scheduler.dispatcher.offers, row)
}

describeOnEngines('a stop', (engine) => {
  it('ends a cancelled run at once, and frees its slot when the process is confirmed gone', async () => {
    const { world, executor, runId } = await openHeld(engine)
    let confirm = (): void => undefined
    executor.stops = () => new Promise((resolve) => (confirm = resolve))
    const answer = await endDagRun(world.context, { dagId: 'dag', runId, actor: 'ada', as: 'cancelled' })
    expect(answer).toEqual({ kind: 'done', stopping: 1 })
    expect(await world.runState(runId)).toBe('failed')
    expect(await world.states(runId)).toEqual({ first: 'failed', second: 'skipped' })
    await eventually(() => executor.asked.length === 1)
    expect(await slots(world)).toBe(1)
    const before = await explain(world, 'first')
    const since = String(before.facts['stoppingSince'])
    expect(Date.parse(since)).toBeGreaterThan(0)
    expect(before.sentence).toBe(
      `Settled as failed, because: cancelled; its process is being stopped on executor "held" since ${since}, ` +
        'and is not confirmed gone.',
    )
    expect((await explain(world, 'second')).sentence).toBe('Settled as skipped, because: cancelled.')
    confirm()
    await eventually(async () => (await slots(world)) === 0)
    expect((await explain(world, 'first')).sentence).toBe('Settled as failed, because: cancelled.')
    expect(executor.alive.size).toBe(0)
  })

  it('is repeated until it is confirmed', async () => {
    const { world, executor } = await openHeld(engine)
    executor.stops = () => (executor.asked.length < 3 ? Promise.reject(new Error('not now')) : Promise.resolve())
    await markTaskInstances(world.context, tasks('first'), { actor: 'ada', isDryRun: false, mark: 'cancelled' })
    await eventually(async () => (await slots(world)) === 0)
    expect(executor.asked).toHaveLength(3)
  })

  it('of a task that fell silent is repeated until it is confirmed, though the task is lost at once', async () => {
    const { world, executor, runId } = await openHeld(engine)
    let isReachable = false
    executor.stops = () => (isReachable ? Promise.resolve() : Promise.reject(new Error('not now')))
    await world.database.transaction(({ query }) =>
      query.updateTable('task_instance').set({ heartbeat_at: 0 }).where('task_id', '=', 'first').execute(),
    )
    await eventually(async () => (await world.states(runId))['first'] === 'failed')
    await eventually(() => executor.asked.length > 1)
    expect(await slots(world)).toBe(1)
    isReachable = true
    await eventually(async () => (await slots(world)) === 0)
    expect(executor.alive.size).toBe(0)
  })

  it('of a cleared task that runs comes before its next try', async () => {
    const { world, executor, runId } = await openHeld(engine)
    let confirm = (): void => undefined
    executor.stops = () => new Promise((resolve) => (confirm = resolve))
    expect(await clearTaskInstances(world.context, tasks('first'), ALL)).toMatchObject({ kind: 'done', stopping: 1 })
    await eventually(() => executor.asked.length === 1)
    expect((await world.states(runId))['first']).toBe('restarting')
    expect(executor.alive.size).toBe(1)
    confirm()
    await eventually(async () => (await world.states(runId))['first'] === 'running')
    expect(executor.alive.size).toBe(1)
    await executor.succeed()
    await eventually(async () => (await world.states(runId))['second'] === 'running')
    await executor.succeed()
    await eventually(async () => (await world.runState(runId)) === 'success')
    const transitions = (await world.transitions(runId, 'first')).join(' ')
    expect(transitions).toBe('scheduled queued running restarting none scheduled queued running success')
  })
})
