import { afterEach, expect, it } from 'vitest'
import type { WorkloadExit } from '@fairlead/protocol'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import { takeLease } from '../db/queries/schedulers.ts'
import { claimTaskInstances, type ClaimedTask } from './claim-task-instances.ts'
import { releaseDueTaskInstances } from './release-due.ts'
import { settleDispatches } from './settle-dispatches.ts'
import { settleTaskInstances, type SettleAnswer } from './settle-task-instances.ts'
import { startDagRuns } from './start-dag-runs.ts'
import { startTaskInstances } from './start-task-instances.ts'

const SCHEDULER = 'the-scheduler'
const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** A run of one task, with nothing running but what the test does itself. */
async function openRun(engine: TestEngine, retries = 0): Promise<World> {
  const { url, drop } = await engine.createDatabase()
  const world = await openWorld({ url, defaultExecutor: 'here', executors: () => [] })
  cleanups.push(() => world.stop(), drop)
  const now = world.context.environment.clock.now()
  await world.database.transaction((tx) =>
    takeLease(tx, { id: SCHEDULER, hostname: 'here', pid: 1, now, leaseMs: 600_000 }),
  )
  await world.register(dagSpec('dag', [taskSpec('only', { retry: { ...NO_DELAY, retries } })]))
  await world.trigger('dag', 'run')
  await startDagRuns(world.context)
  return world
}

const NO_DELAY = { delayMs: 0, backoff: 1, maxDelayMs: 0, jitter: 0 }

/** Queues the task; answers its attempt. */
async function claim({ context, database }: World): Promise<ClaimedTask> {
  await database.transaction(async (tx) => {
    await tx.query.updateTable('task_instance').set({ ready_at: 0 }).where('ready_at', 'is not', null).execute()
  })
  await releaseDueTaskInstances(context)
  const offers = new Map([['here', { kind: 'open', parallelism: 10 }]] as const)
  const answer = await claimTaskInstances(context, { id: SCHEDULER }, offers)
  const [task] = answer.kind === 'claimed' ? answer.tasks : []
  if (task === undefined) throw new Error('Nothing was claimed.')
  return task
}

async function start({ context }: World, task: ClaimedTask): Promise<void> {
  const worker = { hostname: 'here', unixname: 'me', pid: 7, nonce: 'n', startedAt: 0 }
  const [answer] = await startTaskInstances(context, [{ ...task, ...worker }])
  expect(answer?.kind).toBe('started')
}

async function report(
  { context }: World,
  task: ClaimedTask,
  state: 'success' | 'failed' | 'up_for_retry',
): Promise<SettleAnswer | undefined> {
  const said = { report: { state, error: null }, exit: null, endedAt: null, actor: 'worker' }
  return (await settleTaskInstances(context, [{ ...task, ...said }]))[0]
}

async function end({ context }: World, task: ClaimedTask, exit: WorkloadExit): Promise<SettleAnswer | undefined> {
  return (await settleDispatches(context, [{ dispatchId: task.dispatchId, exit, actor: 'executor' }])).get(
    task.dispatchId,
  )
}

const row = ({ database }: World) => database.read.selectFrom('task_instance').selectAll().executeTakeFirstOrThrow()

describeOnEngines('the end of an attempt', (engine) => {
  it('is accepted once: said again it changes nothing, contradicted it is refused', async () => {
    const world = await openRun(engine)
    const task = await claim(world)
    await start(world, task)
    expect(await report(world, task, 'success')).toEqual({ kind: 'moved', to: 'success' })
    expect(await report(world, task, 'success')).toEqual({ kind: 'repeated' })
    expect(await report(world, task, 'failed')).toEqual({ kind: 'refused', reason: 'not_running', state: 'success' })
    expect(await world.runState('run')).toBe('success')
  })

  it('is accepted once even when it is said twice in one batch', async () => {
    const world = await openRun(engine)
    const task = await claim(world)
    await start(world, task)
    const said = {
      ...task,
      report: { state: 'success', error: null },
      exit: null,
      endedAt: null,
      actor: 'worker',
    } as const
    const answers = await settleTaskInstances(world.context, [said, said])
    expect(answers.map(({ kind }) => kind)).toEqual(['moved', 'repeated'])
    expect(await world.transitions('run', 'only')).toEqual(['scheduled', 'queued', 'running', 'success'])
  })

  it('of an earlier hand-over of the same try says nothing about the present one', async () => {
    const world = await openRun(engine)
    const first = await claim(world)
    const stuck = {
      report: null,
      exit: { kind: 'neverStarted', detail: 'stuck' },
      endedAt: null,
      actor: 'sweep',
    } as const
    await settleTaskInstances(world.context, [{ ...first, ...stuck }])
    const second = await claim(world)
    expect(second.taskInstanceId).toBe(first.taskInstanceId)
    await start(world, second)
    expect(await end(world, first, { kind: 'exited', exitCode: 1 })).toEqual({ kind: 'repeated' })
    expect(await report(world, first, 'failed')).toMatchObject({ kind: 'refused', reason: 'superseded' })
    expect(await row(world)).toMatchObject({ state: 'running', dispatch_id: second.dispatchId })
  })

  it('for having waited too long in a queue says nothing about one that has started in between', async () => {
    const world = await openRun(engine)
    const task = await claim(world)
    await start(world, task)
    const exit = { kind: 'neverStarted', detail: 'stuck' } as const
    const stuck = { ...task, report: null, exit, endedAt: null, actor: 'stuck_in_queued', isOfQueued: true } as const
    expect(await settleTaskInstances(world.context, [stuck])).toEqual([
      { kind: 'refused', reason: 'invalid_state', state: 'running' },
    ])
    expect(await report(world, task, 'success')).toEqual({ kind: 'moved', to: 'success' })
  })

  it('of a try that was followed by another is archived', async () => {
    const world = await openRun(engine, 1)
    const first = await claim(world)
    await start(world, first)
    await report(world, first, 'up_for_retry')
    await start(world, await claim(world))
    expect(await report(world, first, 'success')).toEqual({ kind: 'archived' })
    expect(await row(world)).toMatchObject({ state: 'running', try_number: 2 })
  })

  it('before it was let run costs no try while launches may fail, and one when they may not', async () => {
    const world = await openRun(engine)
    for (const launch of [1, 2]) {
      expect(await end(world, await claim(world), { kind: 'exited', exitCode: 1 })).toEqual({
        kind: 'moved',
        to: 'scheduled',
      })
      expect(await row(world)).toMatchObject({ state: 'scheduled', try_number: 1, launch_attempts: launch })
    }
    expect(await end(world, await claim(world), { kind: 'neverStarted', detail: 'no' })).toEqual({
      kind: 'moved',
      to: 'failed',
    })
    expect(await row(world)).toMatchObject({ state: 'failed', cause: 'never_started' })
  })

  it('by the stop of the server costs no try', async () => {
    const world = await openRun(engine)
    const task = await claim(world)
    await start(world, task)
    expect(await end(world, task, { kind: 'shutdown', detail: 'the server stops' })).toEqual({
      kind: 'moved',
      to: 'up_for_retry',
    })
    await start(world, await claim(world))
    expect(await row(world)).toMatchObject({ state: 'running', try_number: 2, max_tries: 2 })
  })

  it('without a word of the task frees its slot and costs a try, with the cause of its death', async () => {
    const world = await openRun(engine)
    const task = await claim(world)
    await start(world, task)
    const exit = { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' } as const
    expect(await end(world, task, exit)).toEqual({ kind: 'moved', to: 'failed' })
    expect(await row(world)).toMatchObject({ state: 'failed', cause: 'killed_externally' })
    expect(await world.database.read.selectFrom('dispatch').selectAll().execute()).toEqual([])
    expect(await end(world, task, exit)).toBeUndefined()
  })
})
