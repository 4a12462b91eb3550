import { afterEach, expect, it } from 'vitest'
import { chain, dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { InstantExecutor, type Play } from '../../../../testkit/instant-executor.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function openTestWorld(engine: TestEngine, play?: Play): Promise<World> {
  const { url, drop } = await engine.createDatabase()
  const world = await openWorld({
    url,
    executors: (context, host) => [new InstantExecutor(host('instant', 8), context, play)],
  })
  cleanups.push(() => world.stop(), drop)
  world.start()
  return world
}

describeOnEngines('the scheduler', (engine) => {
  const startWorld = (play?: Play): Promise<World> => openTestWorld(engine, play)

  it('runs a chain to its end, each task through every state once', async () => {
    const world = await startWorld()
    await world.register(dagSpec('chain', chain(5)))
    const runId = await world.trigger('chain')
    await eventually(async () => (await world.runState(runId)) === 'success')
    expect(await world.transitions(runId, 't4')).toEqual(['scheduled', 'queued', 'running', 'success'])
  })

  it('settles what is downstream of a failure without running it, and fails the run', async () => {
    const world = await startWorld((workload) =>
      workload.type === 'ExecuteTask' && workload.taskInstance.taskId === 't1' ? 'failed' : 'success',
    )
    await world.register(
      dagSpec('broken', [...chain(4), taskSpec('cleanup', { upstream: ['t3'], triggerRule: 'all_done' })]),
    )
    const runId = await world.trigger('broken')
    await eventually(async () => (await world.runState(runId)) === 'success')
    expect(await world.states(runId)).toEqual({
      t0: 'success',
      t1: 'failed',
      t2: 'upstream_failed',
      t3: 'upstream_failed',
      cleanup: 'success',
    })
  })

  it('tries again as often as the task allows, then fails', async () => {
    const world = await startWorld(() => 'up_for_retry')
    const retry = { retries: 2, delayMs: 1, backoff: 1, maxDelayMs: 1, jitter: 0 }
    await world.register(dagSpec('flaky', [taskSpec('only', { retry })]))
    const runId = await world.trigger('flaky')
    await eventually(async () => (await world.runState(runId)) === 'failed')
    const tries = await world.transitions(runId, 'only')
    expect(tries.filter((state) => state === 'running')).toHaveLength(3)
    expect(tries.at(-1)).toBe('failed')
  })

  it('never has more of a run active than it allows, whatever is ready', async () => {
    const world = await startWorld(() => 'never')
    const tasks = Array.from({ length: 50 }, (_, index) => taskSpec(`t${index}`, { priorityWeight: index }))
    await world.register(dagSpec('wide', tasks, { maxActiveTasks: 3 }))
    const runId = await world.trigger('wide')
    await eventually(
      async () => Object.values(await world.states(runId)).filter((state) => state === 'queued').length === 3,
    )
    const states = await world.states(runId)
    expect(
      Object.keys(states)
        .filter((taskId) => states[taskId] === 'queued')
        .toSorted(),
    ).toEqual(['t47', 't48', 't49'])
  })

  it('starts what an executor has room for, though what is ahead of it in its run waits for another one', async () => {
    const { url, drop } = await engine.createDatabase()
    const world = await openWorld({
      url,
      executors: (context, host) => [
        new InstantExecutor(host('busy', 1), context, () => 'never'),
        new InstantExecutor(host('idle', 1), context),
      ],
    })
    cleanups.push(() => world.stop(), drop)
    world.start()
    const tasks = [0, 1, 2, 3, 4].flatMap((index) => [
      taskSpec(`busy${index}`, { executor: 'busy', priorityWeight: 9 }),
      taskSpec(`idle${index}`, { executor: 'idle' }),
    ])
    await world.register(dagSpec('mixed', tasks, { maxActiveTasks: 2 }))
    const runId = await world.trigger('mixed')
    const count = async (state: string): Promise<number> =>
      Object.values(await world.states(runId)).filter((one) => one === state).length
    await eventually(async () => (await count('success')) === 5)
    expect(await count('queued')).toBe(1)
  })

  it('leaves no slot taken when everything has ended', async () => {
    const world = await startWorld()
    await world.register(
      dagSpec(
        'wide',
        Array.from({ length: 100 }, (_, index) => taskSpec(`t${index}`)),
      ),
    )
    const runId = await world.trigger('wide')
    await eventually(async () => (await world.runState(runId)) === 'success')
    await eventually(async () => (await world.database.read.selectFrom('dispatch').selectAll().execute()).length === 0)
  })
})
