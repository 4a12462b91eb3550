import { afterEach, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { openWorld } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines } from '../../../../testkit/test-databases.ts'
import { createDueRuns } from './create-due-runs.ts'
import { endDagRun } from './end-dag-run.ts'
import { startDagRuns } from './start-dag-runs.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const DAY = 86_400_000

describeOnEngines('missed runs', (engine) => {
  it('are created in order with catch-up, and started in order as far as maxActiveRuns lets them', async () => {
    const { url, drop } = await engine.createDatabase()
    const world = await openWorld({ url, defaultExecutor: 'here', executors: () => [] })
    cleanups.push(() => world.stop(), drop)
    const today = Math.floor(world.context.environment.clock.now() / DAY) * DAY
    const schedule = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', dataIntervals: true } as const
    const given = { schedule, startDate: today - 4 * DAY, catchup: true, maxActiveRuns: 2 }
    await world.register(dagSpec('daily', [taskSpec('only')], given))
    while ((await createDueRuns(world.context)) > 0);
    await startDagRuns(world.context)
    const runs = async () =>
      world.database.read
        .selectFrom('dag_run')
        .select(['run_id', 'state', 'data_interval_start', 'data_interval_end'])
        .orderBy('run_key')
        .execute()
    const days = [4, 3, 2, 1].map((ago) => today - ago * DAY)
    expect((await runs()).map((run) => run.data_interval_start)).toEqual(days)
    expect((await runs()).map((run) => run.data_interval_end)).toEqual(days.map((day) => day + DAY))
    expect((await runs()).map((run) => run.state)).toEqual(['running', 'running', 'queued', 'queued'])
    const first = (await runs())[0]?.run_id ?? ''
    await endDagRun(world.context, { dagId: 'daily', runId: first, actor: 'ada', as: 'success' })
    await startDagRuns(world.context)
    expect((await runs()).map((run) => run.state)).toEqual(['success', 'running', 'running', 'queued'])
  })
})
