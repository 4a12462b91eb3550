import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { TEST_ENGINES } from '../../../testkit/test-databases.ts'
import { findings } from './findings.ts'
import { GatedRuns } from './gated-runs.ts'
import { apiOutage } from './outage.ts'
import { Stage, type PartName } from './stage.ts'

const { postgres } = TEST_ENGINES
const LEASE_SECONDS = 3
const SHORT = {
  FAIRLEAD__SCHEDULER__SCHEDULER_LEASE: String(LEASE_SECONDS),
  FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
  FAIRLEAD__DATABASE__CONNECT_TIMEOUT: '3',
  FAIRLEAD__DATABASE__STATEMENT_TIMEOUT: '5',
}
const BEATS = { heartbeatIntervalMs: 300 }
const LONGEST = 300_000

describe.skipIf(!postgres.isProvided)(`several processes ${postgres.title}`, () => {
  let stage: Stage | null = null
  afterEach(async () => {
    await stage?.close(false)
    stage = null
  })

  /** Three runs whose first tasks run until they are let go on. */
  async function gatedRunsOn(opened: Stage, parts: readonly PartName[]): Promise<GatedRuns> {
    stage = opened
    await Promise.all(parts.map((name) => opened.part(name).process.start()))
    return GatedRuns.begin(opened, 3)
  }

  async function expectOneTryEach(opened: Stage, runs: GatedRuns): Promise<void> {
    expect(await runs.ends()).toEqual(['success', 'success', 'success'])
    await eventually(async () => (await opened.query('select 1 from dispatch')).length === 0)
    expect(await opened.query('select run_id, task_id from task_instance where try_number <> 1')).toEqual([])
    expect(await findings(opened, runs.ids)).toEqual([])
  }

  it(
    'kill no task while the API server is down for many heartbeats, and accept what ended meanwhile',
    async () => {
      const said = await apiOutage({
        downMs: 12_000,
        executorSettings: { ...BEATS, leaseMs: 60_000 },
        env: { ...SHORT, FAIRLEAD__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '60' },
        say: () => undefined,
      })
      expect(said).toContain('each of 3 runs succeeded at the first try of every task')
    },
    LONGEST,
  )

  it(
    'adopt what a killed scheduler has started, and start nothing twice',
    async () => {
      const opened = await Stage.open(BEATS, SHORT)
      const runs = await gatedRunsOn(opened, ['api-server', 'dag-processor', 'scheduler-1'])
      await opened.part('scheduler-2').process.start()
      await opened.part('scheduler-1').process.kill('SIGKILL')
      await eventually(async () => (await ownersOf(opened)).join() === String(opened.part('scheduler-2').process.pid), {
        timeoutMs: 60_000,
      })
      expect(runs.begun).toBe(3)
      runs.letGo()
      await expectOneTryEach(opened, runs)
      await expectNoticed(opened, runs.ids)
    },
    LONGEST,
  )

  it(
    'call nothing lost that lives on another machine, and leave it to the scheduler that comes back there',
    async () => {
      const opened = await Stage.open(BEATS, SHORT, 'scheduler-2')
      const runs = await gatedRunsOn(opened, ['api-server', 'dag-processor', 'scheduler-1'])
      const before = await ownersOf(opened)
      await opened.part('scheduler-2').process.start()
      await opened.part('scheduler-1').process.kill('SIGKILL')
      // Its lease ends, and the other scheduler looks for orphans many times.
      await sleep(4 * LEASE_SECONDS * 1000)
      expect(await ownersOf(opened)).toEqual(before)
      await opened.part('scheduler-1').process.start()
      await eventually(async () => (await ownersOf(opened)).join() === String(opened.part('scheduler-1').process.pid), {
        timeoutMs: 60_000,
      })
      runs.letGo()
      await expectOneTryEach(opened, runs)
    },
    LONGEST,
  )

  it(
    'call nothing lost when the database was away for longer than every lease',
    async () => {
      const opened = await Stage.open(BEATS, SHORT, 'scheduler-2')
      const runs = await gatedRunsOn(opened, ['api-server', 'dag-processor', 'scheduler-1', 'scheduler-2'])
      for (const { database } of opened.parts) database.break()
      await sleep(4 * LEASE_SECONDS * 1000)
      const client = await fetch(`${runs.apiUrl}/api/v2/dags`, { headers: runs.headers })
      expect(client.status).toBe(503)
      expect(client.headers.get('retry-after')).toBe('1')
      opened.mend()
      await eventually(async () => (await fetch(`${runs.apiUrl}/api/v2/dags`, { headers: runs.headers })).ok)
      runs.letGo()
      await expectOneTryEach(opened, runs)
      expect(opened.parts.filter(({ process }) => process.hasEnded)).toEqual([])
    },
    LONGEST,
  )
})

/** Processes of the schedulers to which work belongs. */
async function ownersOf(stage: Stage): Promise<readonly number[]> {
  const rows = await stage.query<{ pid: number }>(
    `select distinct s.pid from dispatch d join scheduler s on s.id = d.scheduler_id order by s.pid`,
  )
  return rows.map(({ pid }) => pid)
}

/** What is found when all is well counts only when what is wrong is found. */
async function expectNoticed(stage: Stage, runIds: readonly string[]): Promise<void> {
  await stage.query(
    `insert into audit_log (at, event, actor, run_id, task_id, from_state, to_state)
     values (0, 'task_instance.state', 'test', 'run-0', 'first', 'running', 'success')`,
  )
  await stage.query(
    `insert into dispatch (dispatch_id, task_instance_id, run_key, task_index, map_index, executor, scheduler_id, created_at)
     values ('x', 'x', 0, 0, 0, 'x', 'x', 0)`,
  )
  await stage.query(`update dag set running_runs = 1`)
  appendFileSync(stage.journal, `begin run-1 last 1 0 ${Date.now()}\n`)
  expect(await findings(stage, [...runIds, 'run-9'])).toEqual([
    'run-9 was lost',
    'run-0 first: success was accepted 2 times',
    '21 tasks of 28 have succeeded',
    'run-1 last try 1 began 2 times',
    'run-0 first began again after it had succeeded',
    'run-1 last began again after it had succeeded',
    'run-0 first left running, and was success',
    '1 slots still taken',
    '1 Dags with a wrong count',
  ])
}
