import { afterEach, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { InstantExecutor, type Play } from '../../../../testkit/instant-executor.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import { readProgress } from '../db/queries/backfills.ts'
import { findNextMoment } from '../db/queries/due.ts'
import { advanceBackfills } from './advance-backfills.ts'
import { cancelBackfill, setBackfillPaused } from './change-backfill.ts'
import { createBackfill, forecastBackfill, type BackfillRequest } from './create-backfill.ts'
import { createDagRun } from './create-dag-run.ts'
import { setDagPaused } from './set-dag-paused.ts'

const at = (text: string): number => Date.parse(`${text}T00:00:00Z`)
const DAILY = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC' } as const

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function openBackfillWorld(engine: TestEngine, play: Play = () => 'success'): Promise<World> {
  const { url, drop } = await engine.createDatabase()
  const world = await openWorld({
    url,
    executors: (context, host) => [new InstantExecutor(host('instant', 8), context, play)],
  })
  cleanups.push(() => world.stop(), drop)
  await world.register(dagSpec('daily', [taskSpec('only')], { schedule: DAILY, startDate: at('2099-01-01') }))
  return world
}

const request = (changes: Partial<BackfillRequest> = {}): BackfillRequest => ({
  dagId: 'daily',
  from: at('2026-01-01'),
  to: at('2026-01-05'),
  isReversed: false,
  reprocess: 'none',
  maxActiveRuns: 2,
  conf: null,
  actor: 'ada',
  ...changes,
})

const begun = async (world: World, changes: Partial<BackfillRequest> = {}): Promise<number> => {
  const answer = await createBackfill(world.context, request(changes))
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return answer.id
}

const runs = async (world: World): Promise<string[]> => {
  const rows = await world.database.read
    .selectFrom('dag_run')
    .select(['run_id', 'state', 'run_type'])
    .where('dag_id', '=', 'daily')
    .orderBy('run_key')
    .execute()
  return rows.map(({ run_id, state, run_type }) => `${run_type} ${run_id.replace(/^.*__|T.*/g, '')} ${state}`)
}

const isOver = async (world: World, id: number): Promise<boolean> => {
  const row = await world.database.read.selectFrom('backfill').selectAll().where('id', '=', id).executeTakeFirst()
  return row?.completed_at !== null
}

const existing = (world: World, date: string) =>
  createDagRun(world.context, {
    dagId: 'daily',
    runId: null,
    runType: 'manual',
    logicalDate: at(date),
    dataInterval: null,
    runAfter: null,
    conf: null,
    note: null,
    triggeredBy: 'test',
  })

describeOnEngines('a backfill', (engine) => {
  it('runs its dates in order, never more at once than it may, and is over when all are', async () => {
    const world = await openBackfillWorld(engine)
    const id = await begun(world)
    await advanceBackfills(world.context)
    await advanceBackfills(world.context)
    expect(await runs(world)).toEqual(['backfill 2026-01-01 queued', 'backfill 2026-01-02 queued'])
    world.start()
    await eventually(() => isOver(world, id))
    expect(await runs(world)).toEqual(['01', '02', '03', '04', '05'].map((day) => `backfill 2026-01-${day} success`))
    expect(Object.fromEntries(await readProgress(world.database.read, id))).toEqual({ created: 5, success: 5 })
  })

  it('runs backwards when it is to', async () => {
    const world = await openBackfillWorld(engine)
    const id = await begun(world, { isReversed: true, maxActiveRuns: 1 })
    world.start()
    await eventually(() => isOver(world, id))
    expect((await runs(world)).map((run) => run.slice(9, 19))).toEqual([
      '2026-01-05',
      '2026-01-04',
      '2026-01-03',
      '2026-01-02',
      '2026-01-01',
    ])
  })

  it('leaves runs alone that are there, or runs them again, as it is told when their turn comes', async () => {
    let fails = true
    const world = await openBackfillWorld(engine, () => (fails ? 'failed' : 'success'))
    world.start()
    await existing(world, '2026-01-02')
    await eventually(async () => (await runs(world))[0]?.endsWith('failed'))
    fails = false
    const first = await begun(world)
    await eventually(() => isOver(world, first))
    expect(await runs(world)).toContain('manual 2026-01-02 failed')
    const second = await begun(world, { reprocess: 'failed' })
    await eventually(() => isOver(world, second))
    expect(await runs(world)).toContainEqual(expect.stringMatching(/^backfill 2026-01-02 success$/))
    expect(Object.fromEntries(await readProgress(world.database.read, second))).toMatchObject({
      reprocessed: 1,
      skipped: 4,
    })
    const third = await begun(world, { reprocess: 'completed' })
    await eventually(() => isOver(world, third))
    expect(Object.fromEntries(await readProgress(world.database.read, third))).toEqual({ reprocessed: 5, success: 5 })
    const tries = await world.database.read.selectFrom('task_instance').select('try_number').execute()
    expect(tries.map((row) => row.try_number).toSorted((a, b) => a - b)).toEqual([2, 2, 2, 2, 3])
  })

  it('creates no more runs while it or its Dag is paused, and goes on', async () => {
    const world = await openBackfillWorld(engine)
    const id = await begun(world)
    await setBackfillPaused(world.context, { id, isPaused: true, actor: 'ada' })
    expect([await advanceBackfills(world.context), await runs(world)]).toEqual([0, []])
    await setBackfillPaused(world.context, { id, isPaused: false, actor: 'ada' })
    await setDagPaused(world.context, { dagId: 'daily', isPaused: true, actor: 'ada' })
    expect(await advanceBackfills(world.context)).toBe(0)
    await setDagPaused(world.context, { dagId: 'daily', isPaused: false, actor: 'ada' })
    world.start()
    await eventually(() => isOver(world, id))
    expect(await setBackfillPaused(world.context, { id, isPaused: true, actor: 'ada' })).toEqual({ kind: 'over' })
    expect(await setBackfillPaused(world.context, { id: 99, isPaused: true, actor: 'ada' })).toEqual({
      kind: 'notFound',
    })
  })

  it('is cancelled with what has not begun', async () => {
    const world = await openBackfillWorld(engine, () => 'never')
    const id = await begun(world, { maxActiveRuns: 3 })
    await advanceBackfills(world.context)
    expect(await cancelBackfill(world.context, { id, actor: 'ada' })).toEqual({ kind: 'moved' })
    expect(await runs(world)).toEqual(['01', '02', '03'].map((day) => `backfill 2026-01-${day} failed`))
    expect(Object.fromEntries(await readProgress(world.database.read, id))).toEqual({
      created: 3,
      cancelled: 2,
      failed: 3,
    })
    expect(await cancelBackfill(world.context, { id, actor: 'ada' })).toEqual({ kind: 'over' })
    expect(await advanceBackfills(world.context)).toBe(0)
  })

  it('costs an idle scheduler no turn while it waits for its runs', async () => {
    const world = await openBackfillWorld(engine, () => 'never')
    await begun(world)
    world.start()
    await eventually(async () => (await runs(world)).filter((run) => run.endsWith('running')).length === 2)
    await eventually(async () => (await world.states('backfill__2026-01-02T00:00:00.000Z'))['only'] === 'queued')
    expect(await advanceBackfills(world.context)).toBe(0)
    expect(await world.database.transaction((tx) => findNextMoment(tx))).toBe(at('2099-01-01'))
  })

  it('is forecast without changing anything', async () => {
    const world = await openBackfillWorld(engine)
    await existing(world, '2026-01-03')
    const forecast = await forecastBackfill(world.context, request({ isReversed: true, maxActiveRuns: 3 }))
    expect(forecast).toMatchObject({ kind: 'forecast', estimatedMs: null })
    if (forecast.kind !== 'forecast') return
    expect(forecast.dates.map(({ action }) => action)).toEqual(['create', 'create', 'skip', 'create', 'create'])
    expect(forecast.dates[0]?.logicalDate).toBe(at('2026-01-05'))
    expect(forecast.pools).toEqual([{ pool: 'default_pool', slots: 128, needed: 3 }])
    expect(await world.database.read.selectFrom('backfill').selectAll().execute()).toEqual([])
  })

  it('is refused where it makes no sense', async () => {
    const world = await openBackfillWorld(engine)
    await world.register(dagSpec('manual', [taskSpec('only')]))
    const kinds = async (changes: Partial<BackfillRequest>) =>
      (await createBackfill(world.context, request(changes))).kind
    expect(await kinds({ dagId: 'none' })).toBe('dagNotFound')
    expect(await kinds({ dagId: 'manual' })).toBe('noDates')
    expect(await kinds({ from: at('2026-01-05'), to: at('2026-01-01') })).toBe('noDates')
    expect(await kinds({ to: at('2999-01-01') })).toBe('tooManyDates')
    expect(await kinds({ from: at('2200-01-01'), to: at('2200-01-02') })).toBe('inFuture')
    const id = await begun(world)
    expect(await createBackfill(world.context, request())).toEqual({ kind: 'open', id })
  })
})
