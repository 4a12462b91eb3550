import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FAULT_POINTS, type FaultPoint } from '../../packages/core/src/model/environment.ts'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** The server dies by its own -9 at each named fault point, at its third passing, and is started again. */

const DAG = `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('faulty', { isPausedUponCreation: false, defaultArgs: { retries: 5, retryDelay: { seconds: 0 } } })
const step = dag.task('step', async () => {
  const { journal, release } = getContext().conf
  appendFileSync(journal, getContext().taskId + '\\n')
  do await new Promise((resolve) => setTimeout(resolve, 300))
  while (!existsSync(release))
})
let before = step.as('t0')()
for (let index = 1; index < 5; index++) before = step.as('t' + index)().after(before)
`

const isReachedBy = {
  adoption: (point: FaultPoint) => point.startsWith('adoption.'),
  sweep: (point: FaultPoint) => point.startsWith('sweep.'),
  stop: (point: FaultPoint) => point.startsWith('stop.'),
  // See tests/e2e/executor-drain.test.ts.
  drain: (point: FaultPoint) => point.startsWith('drain.'),
}

let server: FairleadServer
beforeEach(() => {
  server = new FairleadServer(
    { 'faulty.ts': DAG },
    {
      FAIRLEAD__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '2',
      FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
      FAIRLEAD__SCHEDULER__EXECUTOR_CALL_TIMEOUT: '1',
    },
  )
  writeFileSync(join(server.folder, 'journal'), '')
  releaseTasks()
})
afterEach(() => server.dispose())

const conf = (): string =>
  JSON.stringify({ journal: join(server.folder, 'journal'), release: join(server.folder, 'release') })

const releaseTasks = (): void => writeFileSync(join(server.folder, 'release'), '')
const holdTasks = (): void => rmSync(join(server.folder, 'release'))

/** Triggers the one run, as often as it takes: a server may die before it answers. */
async function triggerOnce(): Promise<void> {
  await eventually(
    async () => {
      const { exitCode, stdout, stderr } = await server.run(
        'dags',
        'trigger',
        'faulty',
        '--run-id',
        'only',
        '--conf',
        conf(),
      )
      return exitCode === 0 || /exists|already/i.test(stdout + stderr) || server.hasEnded
    },
    { timeoutMs: 30_000, everyMs: 100 },
  )
}

async function untilTaskRuns(): Promise<void> {
  await eventually(() => readFileSync(join(server.folder, 'journal'), 'utf8') !== '', { timeoutMs: 30_000 })
}

async function expectOneOutcomeEach(): Promise<void> {
  expect(await server.runEnd('faulty', 'only', 90_000)).toBe('success')
  await server.kill('SIGTERM')
  const outcomes = server.query<{ task_id: string; count: number }>(
    `select task_id, count(*) as count from audit_log
     where event = 'task_instance.state' and to_state = 'success' group by task_id order by task_id`,
  )
  expect(outcomes.map((row) => ({ ...row }))).toEqual(
    ['t0', 't1', 't2', 't3', 't4'].map((task_id) => ({ task_id, count: 1 })),
  )
  expect(server.query('select * from dispatch')).toEqual([])
}

describe('killed with -9', () => {
  const plain = FAULT_POINTS.filter((point) => !Object.values(isReachedBy).some((isReached) => isReached(point)))
  it.each(plain)('at %s, the server goes on where it was', async (point) => {
    await server.start({ FAIRLEAD_FAULT: `${point}:3` })
    await triggerOnce()
    expect(await server.ended).toBe('SIGKILL')
    await server.start()
    await triggerOnce()
    await expectOneOutcomeEach()
  })

  it.each(FAULT_POINTS.filter(isReachedBy.adoption))(
    'at %s, the next server adopts what the last one could not',
    async (point) => {
      // A server that dies between two tasks leaves nothing to adopt.
      holdTasks()
      await server.start()
      await triggerOnce()
      await untilTaskRuns()
      await server.kill('SIGKILL')
      await server.start({ FAIRLEAD_FAULT: `${point}:1` })
      expect(await server.ended).toBe('SIGKILL')
      releaseTasks()
      await server.start()
      await expectOneOutcomeEach()
    },
  )

  it.each(FAULT_POINTS.filter(isReachedBy.stop))(
    'at %s, a task that was cleared is stopped, and runs again',
    async (point) => {
      holdTasks()
      await server.start({ FAIRLEAD_FAULT: `${point}:1` })
      await triggerOnce()
      await untilTaskRuns()
      await server.run('tasks', 'clear', 'faulty', '--run-id', 'only', '--only-running')
      expect(await server.ended).toBe('SIGKILL')
      releaseTasks()
      await server.start()
      await expectOneOutcomeEach()
    },
  )

  it.each(FAULT_POINTS.filter(isReachedBy.sweep))(
    'at %s, a task whose worker host had stopped is settled once',
    async (point) => {
      // A host that stops between two tasks leaves nothing that falls silent.
      holdTasks()
      await server.start({ FAIRLEAD_FAULT: `${point}:1` })
      await triggerOnce()
      await untilTaskRuns()
      const host = server.processes.find((line) => line.includes('worker-host'))
      expect(host).toBeDefined()
      process.kill(Number.parseInt(host ?? '', 10), 'SIGSTOP')
      expect(await server.ended).toBe('SIGKILL')
      releaseTasks()
      process.kill(Number.parseInt(host ?? '', 10), 'SIGCONT')
      await server.start()
      await expectOneOutcomeEach()
    },
  )
})
