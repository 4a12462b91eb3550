import { afterEach, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import { endDagRun } from './end-dag-run.ts'
import { startDagRuns } from './start-dag-runs.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** A run whose one task has succeeded. */
async function endedRun(engine: TestEngine): Promise<World> {
  const { url, drop } = await engine.createDatabase()
  const world = await openWorld({ url, defaultExecutor: 'here', executors: () => [] })
  cleanups.push(() => world.stop(), drop)
  await world.register(dagSpec('dag', [taskSpec('only')]))
  await world.trigger('dag', 'run')
  await startDagRuns(world.context)
  await endDagRun(world.context, { dagId: 'dag', runId: 'run', actor: 'ada', as: 'success' })
  return world
}

describeOnEngines('a run that has ended by itself', (engine) => {
  it('and is queued again ends as it did, and holds up no other', async () => {
    const world = await endedRun(engine)
    await world.database.transaction((tx) => tx.query.updateTable('dag_run').set({ rewrites: 0 }).execute())
    await endDagRun(world.context, { dagId: 'dag', runId: 'run', actor: 'ada', as: 'queued' })
    expect(await world.runState('run')).toBe('queued')
    await world.trigger('dag', 'other')
    await startDagRuns(world.context)
    expect(await world.runState('run')).toBe('success')
    expect(await world.states('other')).toEqual({ only: 'scheduled' })
  })
})
