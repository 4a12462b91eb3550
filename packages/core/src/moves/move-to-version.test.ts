import type { TaskSpec } from '@fairlead/protocol'
import { afterEach, expect, it } from 'vitest'
import { findMiscounts } from '../../../../testkit/count-anew.ts'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { HeldExecutor } from '../../../../testkit/held-executor.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import { listTries } from '../db/queries/task-instance-reads.ts'
import { clearTaskInstances, type ClearAnswer } from './clear-task-instances.ts'
import { endDagRun } from './end-dag-run.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

interface Held {
  readonly world: World
  readonly executor: HeldExecutor
}

/** A scheduler that runs, and a run of a Dag of these tasks. */
async function openRun(engine: TestEngine, tasks: readonly TaskSpec[]): Promise<Held> {
  const { url, drop } = await engine.createDatabase()
  const executors: HeldExecutor[] = []
  const world = await openWorld({
    url,
    times: { sweepMs: 50 },
    executors: (context, host) => {
      executors.push(new HeldExecutor(host('held', 8), context))
      return executors
    },
  })
  cleanups.push(() => world.stop(), drop)
  world.start()
  const [executor] = executors
  if (executor === undefined) throw new Error('There is no executor.')
  await world.register(dagSpec('dag', tasks))
  await world.trigger('dag', 'run')
  return { world, executor }
}

/** Lets everything that runs succeed, until the run has ended and every slot is free. */
async function runToEnd(held: Held): Promise<string | undefined> {
  const { world, executor } = held
  await eventually(async () => {
    await executor.succeed()
    const state = await world.runState('run')
    return (state === 'success' || state === 'failed') && (await slots(held)).length === 0
  })
  return world.runState('run')
}

const FIRST_VERSION = [
  taskSpec('load'),
  taskSpec('old', { upstream: ['load'] }),
  taskSpec('report', { upstream: ['load'], retry: { retries: 1, delayMs: 0, backoff: 1, maxDelayMs: 0, jitter: 0 } }),
]

/** `old` is gone, `prepare` is new and comes first, and `report` waits for `check`, which is new too. */
const SECOND_VERSION = [
  taskSpec('prepare'),
  taskSpec('load', { upstream: ['prepare'] }),
  taskSpec('check', { upstream: ['load'] }),
  taskSpec('report', { upstream: ['check'], pool: 'default_pool', priorityWeight: 5 }),
]

function clear(
  { world }: Held,
  taskIds: readonly string[] | null,
  given: { isDryRun?: boolean; isOnLatestVersion?: boolean } = {},
): Promise<ClearAnswer> {
  return clearTaskInstances(
    world.context,
    {
      dagId: 'dag',
      runs: { kind: 'one', runId: 'run', past: false, future: false },
      tasks: { taskIds, includeUpstream: false, includeDownstream: false },
      mapIndexes: new Map(),
      states: null,
    },
    { actor: 'ada', isDryRun: false, preventsRunning: false, isOnLatestVersion: true, ...given },
  )
}

const miscounts = ({ world }: Held) => world.database.transaction((tx) => findMiscounts(tx, world.context))

const rowsOf = ({ world }: Held) =>
  world.database.read
    .selectFrom('task_instance')
    .selectAll()
    .where('run_id', '=', 'run')
    .orderBy('task_index')
    .execute()

async function versionOf({ world }: Held): Promise<number | undefined> {
  const row = await world.database.read
    .selectFrom('dag_run as r')
    .innerJoin('dag_version as v', 'v.id', 'r.version_id')
    .select('v.version_number')
    .where('r.run_id', '=', 'run')
    .executeTakeFirst()
  return row?.version_number
}

const slots = async ({ world }: Held) =>
  (await world.database.read.selectFrom('dispatch').selectAll().execute()).map((row) => row.task_index)

describeOnEngines('a run that is cleared on its latest version', (engine) => {
  it('runs what is new, removes what is gone, and keeps the rest with its tries', async () => {
    const held = await openRun(engine, FIRST_VERSION)
    expect(await runToEnd(held)).toBe('success')
    const before = new Map((await rowsOf(held)).map((row) => [row.task_id, row]))
    await held.world.register(dagSpec('dag', SECOND_VERSION, { maxActiveTasks: 3 }))
    expect(await clear(held, ['report'])).toMatchObject({ kind: 'done', rows: [{ task_id: 'report' }], stopping: 0 })
    expect(await miscounts(held)).toEqual([])
    expect(await runToEnd(held)).toBe('success')

    expect(await versionOf(held)).toBe(2)
    expect(await miscounts(held)).toEqual([])
    const after = await rowsOf(held)
    expect(after.map((row) => [row.task_index, row.task_id, row.state, row.try_number])).toEqual([
      [-1, 'old', 'removed', 1],
      [0, 'prepare', 'success', 1],
      [1, 'load', 'success', 1],
      [2, 'check', 'success', 1],
      [3, 'report', 'success', 2],
    ])
    expect(after[2]).toMatchObject({ id: before.get('load')?.id, is_leaf: 0 })
    expect(after[4]).toMatchObject({ max_tries: 2, priority_weight: 5, is_leaf: 1 })
    const tries = async (taskId: string) =>
      (await listTries(held.world.database.read, { dagId: 'dag', runId: 'run', taskId, mapIndex: -1 })).map(
        (row) => row.state,
      )
    expect(await tries('report')).toEqual(['success', 'success'])
    expect(await tries('old')).toEqual(['success', 'removed'])
    const transitions = await held.world.transitions('run', 'report')
    expect(transitions.slice(-5)).toEqual(['none', 'scheduled', 'queued', 'running', 'success'])
    const order = await held.world.database.read
      .selectFrom('audit_log')
      .select(['task_id', 'to_state'])
      .where('to_state', '=', 'success')
      .where('task_id', 'in', ['check', 'report'])
      .orderBy('seq')
      .execute()
    expect(order.map((row) => row.task_id)).toEqual(['report', 'check', 'report'])
  })

  it('keeps a task that is gone as restarting, and its slot, until its process is confirmed gone', async () => {
    const held = await openRun(engine, FIRST_VERSION)
    await eventually(async () => (await held.world.states('run'))['load'] === 'running')
    await held.executor.succeed()
    await eventually(async () => {
      const states = await held.world.states('run')
      return states['old'] === 'running' && states['report'] === 'running'
    })
    await eventually(async () => (await slots(held)).length === 2)
    const confirms: Array<() => void> = []
    held.executor.stops = () => new Promise((resolve) => confirms.push(resolve))
    await held.world.register(dagSpec('dag', SECOND_VERSION))
    expect(await clear(held, null)).toMatchObject({ kind: 'done', stopping: 2 })
    expect(await held.world.states('run')).toMatchObject({ old: 'restarting', report: 'restarting' })
    expect(new Set(await slots(held))).toEqual(new Set([-1, 3]))
    expect(await miscounts(held)).toEqual([])

    await eventually(() => confirms.length === 2)
    for (const confirm of confirms) confirm()
    held.executor.stops = () => Promise.resolve()
    await eventually(async () => (await held.world.states('run'))['old'] === 'removed')
    expect(await runToEnd(held)).toBe('success')
    expect(await held.world.states('run')).toMatchObject({ old: 'removed', report: 'success', check: 'success' })
    expect((await held.world.transitions('run', 'old')).slice(-2)).toEqual(['restarting', 'removed'])
    expect(await miscounts(held)).toEqual([])
  })

  it('stays where it is while something that is not cleared is under way', async () => {
    const held = await openRun(engine, FIRST_VERSION)
    await eventually(async () => (await held.world.states('run'))['load'] === 'running')
    await held.world.register(dagSpec('dag', SECOND_VERSION))
    const answer = await clear(held, ['report'])
    expect(answer).toMatchObject({ kind: 'underWay', row: { task_id: 'load', state: 'running' }, runId: 'run' })
    expect(await versionOf(held)).toBe(1)
    expect(await held.world.states('run')).toEqual({ load: 'running', old: 'none', report: 'none' })
    expect(await runToEnd(held)).toBe('success')
  })

  it('brings back a task that comes back, and never clears one that is gone', async () => {
    const held = await openRun(engine, FIRST_VERSION)
    await runToEnd(held)
    await held.world.register(dagSpec('dag', SECOND_VERSION))
    await clear(held, ['report'])
    await runToEnd(held)
    await endDagRun(held.world.context, { dagId: 'dag', runId: 'run', actor: 'ada', as: 'success' })
    expect(await clear(held, null, { isOnLatestVersion: false })).toMatchObject({ kind: 'done', rows: { length: 4 } })
    await runToEnd(held)
    expect(await held.world.states('run')).toMatchObject({ old: 'removed' })

    await held.world.register(dagSpec('dag', [...FIRST_VERSION, taskSpec('last', { upstream: ['old'] })]))
    await clear(held, ['load'])
    expect(await runToEnd(held)).toBe('success')
    expect(await held.world.states('run')).toEqual({
      load: 'success',
      old: 'success',
      report: 'success',
      last: 'success',
      prepare: 'removed',
      check: 'removed',
    })
    expect(await miscounts(held)).toEqual([])
  })

  it('moves for a task that only the latest version has, and for none when asked what would be', async () => {
    const held = await openRun(engine, FIRST_VERSION)
    await runToEnd(held)
    await held.world.register(dagSpec('dag', SECOND_VERSION))
    expect(await clear(held, ['check'], { isDryRun: true })).toEqual({ kind: 'done', rows: [], stopping: 0 })
    expect(await versionOf(held)).toBe(1)
    expect(await clear(held, ['old'])).toEqual({ kind: 'taskNotFound', taskId: 'old' })
    expect(await clear(held, ['check'])).toMatchObject({ kind: 'done', rows: [{ task_id: 'check' }] })
    expect(await runToEnd(held)).toBe('success')
    expect(await held.world.states('run')).toMatchObject({ check: 'success', prepare: 'success', old: 'removed' })
  })
})
