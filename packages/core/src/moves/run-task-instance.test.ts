import { afterEach, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import { endDagRun } from './end-dag-run.ts'
import { runTaskInstance, type RunTaskAnswer, type RunTaskOrder } from './run-task-instance.ts'
import { startDagRuns } from './start-dag-runs.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** A run of `first`, and `second` after it, with `first` scheduled. */
async function begunRun(engine: TestEngine): Promise<World> {
  const { url, drop } = await engine.createDatabase()
  const world = await openWorld({ url, defaultExecutor: 'here', executors: () => [] })
  cleanups.push(() => world.stop(), drop)
  const second = taskSpec('second', { upstream: ['first'], pool: 'small', poolSlots: 2 })
  await world.register(dagSpec('dag', [taskSpec('first'), second], { maxActiveRuns: 1 }))
  await world.trigger('dag', 'run')
  await startDagRuns(world.context)
  return world
}

function ask(world: World, order: Partial<RunTaskOrder> = {}): Promise<RunTaskAnswer> {
  return runTaskInstance(world.context, {
    actor: 'ada',
    dagId: 'dag',
    runId: 'run',
    taskId: 'second',
    mapIndex: -1,
    executor: null,
    ignoresDependencies: false,
    problemWith: (name) => (name === 'batch' ? 'Not batch.' : null),
    ...order,
  })
}

const rowOf = (world: World, taskId: string) =>
  world.database.read
    .selectFrom('task_instance')
    .select(['state', 'executor', 'lane', 'pool', 'try_number', 'is_admissible'])
    .where('run_id', '=', 'run')
    .where('task_id', '=', taskId)
    .executeTakeFirstOrThrow()

describeOnEngines('a task instance that somebody asks for', (engine) => {
  it('waits for what is upstream of it, unless told not to', async () => {
    const world = await begunRun(engine)
    const upstream = new Map([['first', 'scheduled']])
    expect(await ask(world)).toEqual({ kind: 'unmet', rule: 'all_success', upstream })
    expect(await ask(world, { ignoresDependencies: true })).toEqual({ kind: 'scheduled', executors: ['here'] })
    expect(await world.states('run')).toEqual({ first: 'scheduled', second: 'scheduled' })
  })

  it('goes to the executor that is asked for, and keeps its pool', async () => {
    const world = await begunRun(engine)
    await ask(world, { ignoresDependencies: true, executor: 'there' })
    const row = await rowOf(world, 'second')
    expect(row).toMatchObject({ executor: 'there', pool: 'small', is_admissible: 1, try_number: 1 })
    expect(row.lane).toBe('[["there"],"unavailable","small",2,null]')
  })

  it('is moved to another executor while it waits', async () => {
    const world = await begunRun(engine)
    expect((await ask(world, { taskId: 'first', executor: 'there' })).kind).toBe('scheduled')
    expect(await rowOf(world, 'first')).toMatchObject({ state: 'scheduled', executor: 'there', try_number: 1 })
  })

  it('is not asked of an executor that cannot', async () => {
    const world = await begunRun(engine)
    const answer = await ask(world, { taskId: 'first', executor: 'batch' })
    expect(answer).toEqual({ kind: 'executor', problem: 'Not batch.' })
    expect(await rowOf(world, 'first')).toMatchObject({ executor: 'here' })
  })

  it('of a run that has ended is cleared, and takes no place until its run may run again', async () => {
    const world = await begunRun(engine)
    await endDagRun(world.context, { dagId: 'dag', runId: 'run', actor: 'ada', as: 'success' })
    await world.trigger('dag', 'other')
    await startDagRuns(world.context)
    expect(await ask(world)).toEqual({ kind: 'scheduled', executors: ['here'] })
    await startDagRuns(world.context)
    expect(await world.runState('run')).toBe('queued')
    expect(await rowOf(world, 'second')).toMatchObject({ state: 'scheduled', is_admissible: 0 })
    await endDagRun(world.context, { dagId: 'dag', runId: 'other', actor: 'ada', as: 'success' })
    await startDagRuns(world.context)
    expect(await world.runState('run')).toBe('running')
    expect(await world.states('run')).toEqual({ first: 'success', second: 'scheduled' })
    expect(await rowOf(world, 'second')).toMatchObject({ is_admissible: 1 })
  })

  it('is noted with who asked', async () => {
    const world = await begunRun(engine)
    await ask(world, { ignoresDependencies: true })
    const entries = await world.database.read
      .selectFrom('audit_log')
      .select(['event', 'actor', 'from_state', 'to_state', 'detail'])
      .where('task_id', '=', 'second')
      .orderBy('seq')
      .execute()
    expect(entries).toEqual([
      { event: 'task_instance.state', actor: 'ada', from_state: 'none', to_state: 'scheduled', detail: null },
      {
        event: 'task_instance.run_requested',
        actor: 'ada',
        from_state: null,
        to_state: null,
        detail: '{"executors":["here"],"ignoresDependencies":true}',
      },
    ])
  })
})
