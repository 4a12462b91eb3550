import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { TEST_ENGINES } from '../../../testkit/test-databases.ts'
import { findings } from './findings.ts'
import { apiOutage } from './outage.ts'
import { Stage } from './stage.ts'

const { postgres } = TEST_ENGINES
const SHORT = {
  FAIRLEAD__SCHEDULER__SCHEDULER_LEASE: '3',
  FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
  FAIRLEAD__DATABASE__CONNECT_TIMEOUT: '3',
  FAIRLEAD__DATABASE__STATEMENT_TIMEOUT: '5',
}
const RUNS = 3

describe.skipIf(!postgres.isProvided)(`several processes ${postgres.title}`, () => {
  it(
    'kill no task while the API server is down for many heartbeats, and accept what ended meanwhile',
    { timeout: 300_000 },
    async () => {
      const said = await apiOutage({
        downMs: 12_000,
        executorSettings: { heartbeatIntervalMs: 300, leaseMs: 60_000 },
        env: { ...SHORT, FAIRLEAD__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '60' },
        say: () => undefined,
      })
      expect(said).toContain('each of 3 runs succeeded at the first try of every task')
    },
  )

  it('adopt what a killed scheduler has started, and start nothing twice', { timeout: 300_000 }, async () => {
    const stage = await Stage.open({ heartbeatIntervalMs: 500 }, SHORT)
    try {
      const others = ['api-server', 'dag-processor', 'scheduler-1'] as const
      await Promise.all(others.map((name) => stage.part(name).process.start()))
      const client = await stage.login()
      await client.eventuallyKnown('stream')
      const gate = join(stage.installation.folder, 'gate')
      const runIds = await Promise.all(
        Array.from({ length: RUNS }, (_, index) =>
          client.trigger('stream', { runId: `run-${index}`, conf: { journal: stage.journal, longestMs: 0, gate } }),
        ),
      )
      const lines = (what: string): readonly string[] =>
        readFileSync(stage.journal, 'utf8')
          .split('\n')
          .filter((line) => line.startsWith(what))
      await eventually(() => lines('begin').length === RUNS, { timeoutMs: 60_000 })
      await stage.part('scheduler-2').process.start()
      await stage.part('scheduler-1').process.kill('SIGKILL')
      const owners = () =>
        stage.query<{ pid: number }>(`select distinct s.pid from dispatch d join scheduler s on s.id = d.scheduler_id`)
      await eventually(
        async () => (await owners()).map(({ pid }) => pid).join() === String(stage.part('scheduler-2').process.pid),
        {
          timeoutMs: 60_000,
        },
      )
      expect(lines('begin')).toHaveLength(RUNS)
      writeFileSync(gate, '')
      for (const runId of runIds) expect(await client.runEnd('stream', runId)).toBe('success')
      await eventually(async () => (await stage.query('select 1 from dispatch')).length === 0)
      expect(await stage.query('select run_id from task_instance where try_number <> 1')).toEqual([])
      expect(await findings(stage, runIds)).toEqual([])
      await expectNoticed(stage, runIds)
    } finally {
      await stage.close(false)
    }
  })
})

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
