import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { InstantExecutor } from '../../../../testkit/instant-executor.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { takeLease } from '../db/queries/schedulers.ts'
import { forgetDeadStatuses, writeExecutorStatuses } from '../db/queries/executor-status.ts'
import type { ExecutorCondition } from '../model/executor-state.ts'
import { factsOfClass, type ExecutorFacts } from './executor-facts.ts'
import { overviewOfExecutors, type ConfiguredInstance } from './executor-overview.ts'

const FACTS: ExecutorFacts = { ...factsOfClass(InstantExecutor), isProduction: false }
const NOW = 1_000_000
const HEALTHY: ExecutorCondition = { kind: 'healthy', since: 5 }
const DEGRADED: ExecutorCondition = { kind: 'degraded', since: 7, reason: 'start: no', failures: 2, nextTryAt: 9 }
const configured = (...names: string[]): ConfiguredInstance[] =>
  names.map((name) => ({ name, parallelism: 4, facts: factsOfClass(InstantExecutor), executorConfigSchema: null }))

let world: World
beforeEach(async () => {
  world = await openWorld({ executors: () => [] })
})
afterEach(() => world.stop())

const scheduler = (id: string, pid: number, leaseMs: number): Promise<void> =>
  world.database.transaction((tx) => takeLease(tx, { id, hostname: 'here', pid, now: NOW, leaseMs }))
const says = (schedulerId: string, executor: string, condition: ExecutorCondition): Promise<void> =>
  world.database.transaction((tx) =>
    writeExecutorStatuses(
      tx,
      [
        {
          executor,
          position: 0,
          condition: JSON.stringify(condition),
          last_failure: JSON.stringify({ member: 'sync', how: 'threw', reason: 'no', at: 8 }),
          parallelism: 4,
          held: 1,
          facts: JSON.stringify(FACTS),
        },
      ],
      { schedulerId, now: NOW },
    ),
  )
const overview = (...names: string[]) => overviewOfExecutors(world.database, configured(...names), NOW)

describe('the overview of executors', () => {
  it('takes the worst of several schedulers and says where that is', async () => {
    await scheduler('one', 11, 100)
    await scheduler('two', 12, 100)
    await says('one', 'a', HEALTHY)
    await says('two', 'a', DEGRADED)
    const [a] = await overview('a')
    expect(a).toMatchObject({
      name: 'a',
      isDefault: true,
      state: { kind: 'degraded', since: 7, reason: 'start: no (in the scheduler on here, pid 12)', failures: 2 },
      // The other scheduler goes on giving it work.
      openSlots: 4,
      lastFailure: { member: 'sync' },
    })
    expect(a?.schedulers.map(({ pid, condition }) => [pid, condition.kind])).toEqual([
      [11, 'healthy'],
      [12, 'degraded'],
    ])
  })

  it('offers no slots when no scheduler has it in health', async () => {
    await scheduler('one', 11, 100)
    await says('one', 'a', DEGRADED)
    expect(await overview('a')).toMatchObject([{ openSlots: 0, state: { reason: 'start: no' } }])
  })

  it('does not believe a dead scheduler, and its words are forgotten', async () => {
    await scheduler('gone', 11, 0)
    await says('gone', 'a', HEALTHY)
    expect(await overview('a')).toMatchObject([
      {
        state: { kind: 'nowhere' },
        openSlots: 0,
        remarks: [expect.stringMatching(/no scheduler that is alive has it/)],
      },
    ])
    await world.database.transaction((tx) => forgetDeadStatuses(tx, NOW))
    expect(await world.database.read.selectFrom('executor_status').selectAll().execute()).toEqual([])
  })

  it('lists one that is alive in a scheduler though this process does not configure it', async () => {
    await scheduler('one', 11, 100)
    await says('one', 'elsewhere', HEALTHY)
    expect(await overview('a')).toMatchObject([
      { name: 'a', isDefault: true },
      {
        name: 'elsewhere',
        isDefault: false,
        state: { kind: 'healthy' },
        remarks: ['InstantExecutor is not meant for production.'],
      },
    ])
  })

  it('lists one that is no longer configured while work waits for it, and says what can be done', async () => {
    await world.register(
      dagSpec('left', [taskSpec('load', { executor: 'old' }), taskSpec('sort', { executor: 'old' })]),
    )
    await world.trigger('left')
    world.start()
    await eventually(async () => (await overview('a')).length === 2)
    expect(await overview('a')).toMatchObject([
      { name: 'a' },
      {
        name: 'old',
        state: { kind: 'unconfigured' },
        work: { waiting: 2, queued: 0 },
        remarks: [expect.stringContaining('fairlead executors drain old --to OTHER')],
      },
    ])
  })
})
