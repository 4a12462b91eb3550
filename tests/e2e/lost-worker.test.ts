import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** A worker falls silent, its task is tried again, and then the worker comes back and speaks. */

const DAG = `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('silent', { isPausedUponCreation: false, defaultArgs: { retries: 2, retryDelay: { seconds: 0 } } })
dag.task('only', async () => {
  const { conf, tryNumber } = getContext()
  appendFileSync(String(conf['journal']), 'begin ' + tryNumber + ' ' + process.pid + '\\n')
  while (!existsSync(conf['go'] + '-' + tryNumber)) await new Promise((resolve) => setTimeout(resolve, 20))
  appendFileSync(String(conf['journal']), 'end ' + tryNumber + ' ' + process.pid + '\\n')
  return 'try ' + tryNumber
})()
`

let server: FairleadServer
let journal: string
beforeEach(async () => {
  server = new FairleadServer(
    { 'silent.ts': DAG },
    {
      FAIRLEAD__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '2',
      FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
      FAIRLEAD__SCHEDULER__EXECUTOR_CALL_TIMEOUT: '1',
      FAIRLEAD__METRICS__REQUIRES_TOKEN: 'false',
    },
  )
  writeFileSync(
    join(server.folder, 'fairlead.config.ts'),
    `export default { executors: { local: { executor: 'LocalExecutor', settings: { heartbeatIntervalMs: 500, hostTimeoutMs: 600_000 } } } }`,
  )
  journal = join(server.folder, 'journal')
  writeFileSync(journal, '')
  await server.start()
})
afterEach(() => server.dispose())

const lines = (): ReadonlyArray<readonly string[]> =>
  readFileSync(journal, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))

const begunTries = (): readonly string[] =>
  lines().flatMap(([what, tryNumber]) => (what === 'begin' ? [tryNumber ?? ''] : []))

function hosts(): readonly number[] {
  return server.processes.filter((line) => line.includes('worker-host')).map((line) => Number.parseInt(line, 10))
}

const go = (tryNumber: number): void => writeFileSync(join(server.folder, `go-${tryNumber}`), '')

it('retries what a silent worker ran, refuses its late report, and ends its process', async () => {
  const runId = await server.trigger('silent', { journal, go: join(server.folder, 'go') })
  await eventually(() => begunTries().length === 1)
  const [host] = hosts()
  if (host === undefined) throw new Error('There is no worker host.')
  process.kill(host, 'SIGSTOP')
  // The task's own process goes on, and ends well: its host will have an outcome to report when it wakes up.
  go(1)
  await eventually(() => lines().some(([what]) => what === 'end'))
  const isRetried = async (): Promise<boolean> =>
    (await server.states('silent', runId)).some((row) => row.try_number > 1)
  await eventually(isRetried, { timeoutMs: 30_000, everyMs: 200 })
  process.kill(host, 'SIGCONT')
  await eventually(() => begunTries().length === 2, { timeoutMs: 30_000 })
  // 410: the try that it speaks of is history.
  const refused = await eventually(refusals)
  expect(refused.every((line) => line.includes('status="410"'))).toBe(true)
  go(2)
  expect(await server.runEnd('silent', runId)).toBe('success')
  await server.kill('SIGTERM')
  expect(begunTries()).toEqual(['1', '2'])
  const moves = server.query<{ actor: string; try_number: number; to_state: string }>(
    `select actor, try_number, to_state from audit_log where event = 'task_instance.state' order by seq`,
  )
  expect(moves.map((row) => `${row.try_number} ${row.to_state} by ${row.actor}`)).toEqual([
    '1 scheduled by scheduler',
    '1 queued by scheduler',
    '1 running by worker',
    '1 up_for_retry by sweep',
    '2 scheduled by scheduler',
    '2 queued by scheduler',
    '2 running by worker',
    '2 success by worker',
  ])
  expect(server.query<{ value: string }>(`select value from xcom`).map(({ value }) => value)).toEqual(['"try 2"'])
})

it('ends the process of an attempt that was given up, once its worker hears of it', async () => {
  const runId = await server.trigger('silent', { journal, go: join(server.folder, 'go') })
  await eventually(() => begunTries().length === 1)
  const old = Number(lines()[0]?.[2])
  const [host] = hosts()
  if (host === undefined) throw new Error('There is no worker host.')
  process.kill(host, 'SIGSTOP')
  const isRetried = async (): Promise<boolean> =>
    (await server.states('silent', runId)).some((row) => row.try_number > 1)
  await eventually(isRetried, { timeoutMs: 30_000, everyMs: 200 })
  process.kill(host, 'SIGCONT')
  await eventually(() => !isAlive(old), { timeoutMs: 30_000 })
  await eventually(() => begunTries().length === 2, { timeoutMs: 30_000 })
  go(2)
  expect(await server.runEnd('silent', runId)).toBe('success')
  expect(lines().map(([what, tryNumber]) => `${what} ${tryNumber}`)).toEqual(['begin 1', 'begin 2', 'end 2'])
})

/** Worker calls that were refused, as the metrics count them; null when there are none. */
async function refusals(): Promise<readonly string[] | null> {
  const { url } = JSON.parse(readFileSync(join(server.home, 'server.json'), 'utf8')) as { url: string }
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n')
  const found = lines.filter((line) => /execution_api_requests.*status="4/.test(line))
  return found.length === 0 ? null : found
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
