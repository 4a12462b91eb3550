import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

const LONG_ID = `länge_${'日本'.repeat(120)}`
const FIFTY_MB = 50 * 1024 * 1024

const DAGS = {
  'blocking.ts': `import { Dag } from 'fairlead'
const dag = new Dag('blocking', { isPausedUponCreation: false })
dag.task('block', () => {
  const until = Date.now() + 60_000
  while (Date.now() < until);
  return 'unharmed'
})()
`,
  'printing.ts': `import { Dag } from 'fairlead'
const dag = new Dag('printing', { isPausedUponCreation: false })
dag.task('print', async () => {
  const line = 'x'.repeat(1023) + '\\n'
  for (let index = 0; index < ${FIFTY_MB / 1024}; index++) {
    if (!process.stdout.write(line)) await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
  console.log('the very last line')
})()
`,
  'stubborn.ts': `import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'
const dag = new Dag('stubborn', { isPausedUponCreation: false })
dag.task('ignore_sigterm', async () => {
  process.on('SIGTERM', () => console.log('no'))
  const grandchild = spawn('/bin/sh', ['-c', 'trap "" TERM; while :; do sleep 1; done'], { stdio: 'ignore' })
  writeFileSync(String(getContext().conf['pids']), process.pid + ' ' + grandchild.pid)
  await new Promise(() => setInterval(() => {}, 1000))
}, { executionTimeout: { seconds: 1 } })()
`,
  'unicode.ts': `import { Dag } from 'fairlead'
const dag = new Dag('データ.${LONG_ID.slice(0, 100)}', { isPausedUponCreation: false })
const first = dag.task('${LONG_ID.slice(0, 240)}', () => 'größe')
dag.task('zweite', ({ value }: { value: string }) => console.log('bekam ' + value))({ value: first() })
`,
}

const UNICODE_DAG = `データ.${LONG_ID.slice(0, 100)}`

let server: FairleadServer
const runs = new Map<string, string>()
let pids = ''

beforeAll(async () => {
  server = new FairleadServer(DAGS, {
    FAIRLEAD__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '15',
    FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
  })
  pids = join(server.folder, 'pids')
  await server.start()
  // All at once: the slow one waits beside the others.
  for (const dagId of ['blocking', 'printing', 'stubborn', UNICODE_DAG])
    runs.set(dagId, await server.trigger(dagId, { pids }))
})
afterAll(() => server.dispose())

const endOf = (dagId: string, timeoutMs = 60_000): Promise<string> =>
  server.runEnd(dagId, runs.get(dagId) ?? '', timeoutMs)

describe('a task', () => {
  it('may print 50 MB, and all of it is in its log', async () => {
    expect(await endOf('printing')).toBe('success')
    const { stdout } = await server.run('tasks', 'logs', 'printing', runs.get('printing') ?? '', 'print')
    expect(stdout.length).toBeGreaterThan(FIFTY_MB)
    expect(stdout).toContain('the very last line')
  })

  it('that ignores SIGTERM is killed at its timeout, with its grandchildren', async () => {
    expect(await endOf('stubborn')).toBe('failed')
    const alive = readFileSync(pids, 'utf8').split(' ').filter(isAlive)
    expect(alive).toEqual([])
    const { stdout } = await server.run('tasks', 'explain', 'stubborn', runs.get('stubborn') ?? '', 'ignore_sigterm')
    expect(stdout).toContain('timed_out')
  })

  it('may have an id of any letters, as long as ids may be, and hand values on', async () => {
    expect(await endOf(UNICODE_DAG)).toBe('success')
    const { stdout } = await server.run('tasks', 'logs', UNICODE_DAG, runs.get(UNICODE_DAG) ?? '', 'zweite')
    expect(stdout).toContain('bekam größe')
  })

  it('that blocks its event loop for a minute lives, since its heartbeats do not depend on it', async () => {
    expect(await endOf('blocking', 110_000)).toBe('success')
    const [row] = await server.states('blocking', runs.get('blocking') ?? '')
    expect(row).toMatchObject({ state: 'success', try_number: 1 })
  })
})

describe('a second server', () => {
  it('on the same database is refused, with the first one named', async () => {
    const { exitCode, stderr } = await server.run('standalone')
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain(`process ${server.pid}`)
  })
})

describe('200 Dags of 50 tasks', () => {
  it('that appear at once are all there soon, and the server goes on answering', async () => {
    for (let index = 0; index < 200; index++) server.write(`many-${index}.ts`, manyTasks(`many_${index}`))
    await eventually(
      async () => {
        const dags = (await server.json('dags', 'list')) as unknown[]
        return dags.length >= 204
      },
      { timeoutMs: 60_000, everyMs: 500 },
    )
    const runId = await server.trigger('many_199')
    expect(runId).not.toBe('')
  })
})

/** A process that has ended and waits for its parent to notice does not count. */
function isAlive(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

function manyTasks(dagId: string): string {
  return `import { Dag } from 'fairlead'
const dag = new Dag('${dagId}', { isPausedUponCreation: false })
const step = dag.task('step', () => 1)
let before = step.as('t0')()
for (let index = 1; index < 50; index++) before = step.as('t' + index)().after(before)
`
}
