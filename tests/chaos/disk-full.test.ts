import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** The disk of the home folder is full, or a limit on file sizes is reached, in the middle of a run. */

const DAG = `import { appendFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('filling', { isPausedUponCreation: false, defaultArgs: { retries: 3, retryDelay: { seconds: 0 } } })
const step = dag.task('step', async () => {
  appendFileSync(String(getContext().conf['journal']), getContext().taskId + '\\n')
  await new Promise((resolve) => setTimeout(resolve, 100))
  console.log('x'.repeat(1000))
})
let before = step.as('t0')()
for (let index = 1; index < 60; index++) before = step.as('t' + index)().after(before)
`
const TASKS = Array.from({ length: 60 }, (_, index) => `t${index}`).toSorted()

const TIMES = {
  FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
  FAIRLEAD__LOGGING__FORMAT: 'json',
}

let server: FairleadServer
let journal: string
beforeEach(() => {
  server = new FairleadServer({ 'filling.ts': DAG }, TIMES)
  journal = join(server.folder, 'journal')
  writeFileSync(journal, '')
})

const begunTasks = (): readonly string[] => readFileSync(journal, 'utf8').split('\n').slice(0, -1)

async function untilBegun(count: number): Promise<void> {
  await eventually(() => begunTasks().length >= count, { timeoutMs: 60_000 })
}

async function expectClearErrors(): Promise<void> {
  await eventually(() => /"code":"DATABASE_FULL".*scheduler turn failed/.test(server.log), { timeoutMs: 60_000 })
  const { url } = JSON.parse(readFileSync(join(server.home, 'server.json'), 'utf8')) as { url: string }
  const health = await fetch(`${url}/api/v2/monitor/health`)
  expect(health.status).toBe(200)
  const answer = await server.run('dags', 'trigger', 'filling', '--run-id', 'refused')
  expect(answer.exitCode).not.toBe(0)
  expect(answer.stdout + answer.stderr).toMatch(/cannot grow: its disk is full[^]*Free space/)
}

async function expectIntact(runId: string): Promise<void> {
  expect(await server.runEnd('filling', runId, 90_000)).toBe('success')
  expect(server.hasEnded).toBe(false)
  await server.kill('SIGTERM')
  expect(server.query('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
  const outcomes = server.query<{ task_id: string; count: number }>(
    `select task_id, count(*) as count from audit_log
     where event = 'task_instance.state' and to_state = 'success' and run_id = '${runId}' group by task_id order by task_id`,
  )
  expect(outcomes.map((row) => ({ ...row }))).toEqual(TASKS.map((task_id) => ({ task_id, count: 1 })))
  expect(server.query('select * from dispatch')).toEqual([])
}

const isRoot = process.getuid?.() === 0
const why = isRoot ? '' : ' (skipped: only root may mount a small disk)'

describe.skipIf(!isRoot)(`on a small disk${why}`, () => {
  const filler = (): string => join(server.home, 'filler')

  beforeEach(() => {
    mkdirSync(server.home)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', server.home])
  })
  afterEach(async () => {
    try {
      rmSync(filler(), { force: true })
      await server.stop()
    } finally {
      // Lazily, so that it goes even when something still has a file open there.
      execFileSync('umount', ['-l', server.home])
    }
    await server.dispose()
  })

  it('says what is wrong while it is full, and completes the run when there is room again', async () => {
    await server.start()
    const runId = await server.trigger('filling', { journal })
    await untilBegun(5)
    fill(filler())
    await expectClearErrors()
    rmSync(filler())
    await expectIntact(runId)
  })
})

describe.skipIf(!canLimit())('under a limit on the size of files (skipped without prlimit of util-linux)', () => {
  afterEach(() => server.dispose())

  it('says what is wrong while it is reached, and completes the run when it is raised', async () => {
    await server.start()
    const runId = await server.trigger('filling', { journal })
    await untilBegun(5)
    limitFiles(String(statSync(join(server.home, 'fairlead.db-wal')).size))
    await expectClearErrors()
    limitFiles('unlimited')
    await expectIntact(runId)
  })

  /** Of the server alone: its worker host has its own limits. */
  function limitFiles(bytes: string): void {
    execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:unlimited`])
  }
})

function canLimit(): boolean {
  try {
    execFileSync('prlimit', ['--version'])
    return true
  } catch {
    return false // Not Linux.
  }
}

/** Leaves nothing free. */
function fill(path: string): void {
  const chunk = Buffer.alloc(4096)
  for (let left = statfsSync(join(path, '..')).bfree; left > 0; left = statfsSync(join(path, '..')).bfree) {
    try {
      writeFileSync(path, Buffer.concat(Array.from({ length: left }, () => chunk)), { flag: 'a' })
    } catch {
      return // Others write there too: it is full.
    }
  }
}
