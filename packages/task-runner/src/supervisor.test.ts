import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { compileRunner, type CompiledRunner } from '../../../testkit/compiled-runner.ts'
import { eventually } from '../../../testkit/eventually.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from '../../../testkit/fake-execution-api.ts'
import { taskWorkload } from '../../../testkit/workloads.ts'
import { childEnvironment } from './child-environment.ts'
import { ExecutionApiClient } from './execution-api-client.ts'
import { handlerRun } from './handler-run.ts'
import { LogWriter } from './log-writer.ts'
import { identify } from './process-identity.ts'
import { startRunnerProcess } from './runner-process.ts'
import { shellRun } from './shell-run.ts'
import { Supervisor, type SupervisorSettings } from './supervisor.ts'

let runner: CompiledRunner
let api: FakeExecutionApi
let client: ExecutionApiClient

beforeAll(async () => {
  runner = await compileRunner()
  runner.addBundle('demo', DAG)
})
afterAll(() => runner.remove())
beforeEach(async () => {
  api = await startFakeExecutionApi()
  client = new ExecutionApiClient(api.url)
})
afterEach(async () => {
  client.close()
  await api.close()
})

const DAG = `
import { spawn, execSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeFileSync } from 'node:fs'
class Fatal extends Error {}
const dag = new Dag('demo')
dag.task('hello', () => ({ greeting: 'hello', conf: getContext().conf.colour }))()
dag.task('nothing', () => undefined)()
const source = dag.task('source', () => 1)()
dag.task('sum', ({ left, right }) => left + right)({ left: source, right: 2 })
dag.task('push', async () => { await getClient().xcom.push('extra', [1]); return await getClient().xcom.pull({ key: 'extra', taskId: 'push' }) })()
dag.task('throws', () => { throw new RangeError('no such row') })()
dag.task('fatal', () => { throw new Fatal('give up') }, { retryWhen: (error) => !(error instanceof Fatal) })()
dag.task('failTask', () => { throw new FailTask('never again') })()
dag.task('skips', () => { throw new SkipTask('nothing to do') })()
dag.task('returnsMap', () => ({ rows: new Map() }))()
dag.task('returnsDate', () => ({ at: new Date(0) }))()
dag.task('neverSettles', () => new Promise(() => undefined))()
dag.task('exits', () => process.exit(3))()
dag.task('waits', async () => { await sleep(600_000) })()
dag.task('polite', async () => {
  const { signal } = getContext()
  await sleep(600_000, undefined, { signal }).catch(() => console.log('cleaned up'))
})()
dag.task('deaf', async () => { process.on('SIGTERM', () => undefined); await sleep(600_000) })()
dag.task('blocks', () => { const end = Date.now() + 1500; while (Date.now() < end); return 'done' })()
dag.task('family', async () => {
  const child = spawn('/bin/sh', ['-c', "trap '' TERM; echo $$; while :; do sleep 1; done"], { stdio: ['ignore', 'inherit', 'inherit'] })
  console.log('child ' + child.pid)
  await sleep(600_000)
})()
dag.task('prints', async () => {
  const line = 'x'.repeat(1023) + '\\n'
  for (let i = 0; i < 50 * 1024; i += 1) process.stdout.write(line)
})()
dag.task('longLine', () => { process.stdout.write('y'.repeat(300_000)) })()
dag.task('levels', () => { console.warn('careful', { a: 1 }); console.error('bad'); process.stdout.write('raw\\n'); getContext().log.info('loaded', { rows: 3 }) })()
dag.task('heap', () => { const all = []; for (;;) all.push(new Array(1e6).fill({})) })()
dag.task('abort', () => process.abort())()
dag.task('memory', async () => { const all = []; for (;;) { all.push(Buffer.alloc(16 * 1024 * 1024, 1)); await sleep(1) } })()
dag.task('environment', () => ({ names: Object.keys(process.env), send: typeof process.send, argv: process.argv.length }))()
`

describe('a handler', () => {
  it('settles its return value and its success', async () => {
    const { exit, id } = await runTask('hello')
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(api.states.get(id)).toMatchObject([{ state: 'success', exit: { kind: 'exited', exitCode: 0 } }])
    expect(api.xcoms.get('hello/return_value')).toEqual({ greeting: 'hello', conf: 'green' })
  })

  it('leaves no value when it returns none', async () => {
    await runTask('nothing')
    expect(api.xcoms.has('nothing/return_value')).toBe(false)
  })

  it('receives upstream values and literals by name', async () => {
    api.xcoms.set('source/return_value', 40)
    await runTask('sum', { inputs: [{ name: 'left', taskId: 'source', key: 'return_value' }] })
    expect(api.xcoms.get('sum/return_value')).toBe(42)
  })

  it('pushes and pulls values by key while it runs', async () => {
    await runTask('push')
    expect(api.xcoms.get('push/return_value')).toEqual([1])
  })

  it('sends a Date as its ISO text', async () => {
    await runTask('returnsDate')
    expect(api.xcoms.get('returnsDate/return_value')).toEqual({ at: '1970-01-01T00:00:00.000Z' })
  })

  it('inherits no setting of ours and finds no channel to its host', async () => {
    process.env['FAIRLEAD__CORE__SECRET'] = 'x'
    await runTask('environment')
    delete process.env['FAIRLEAD__CORE__SECRET']
    const seen = api.xcoms.get('environment/return_value') as { names: string[]; send: string; argv: number }
    expect(seen).toMatchObject({ send: 'undefined', argv: 2 })
    expect(seen.names.filter((name) => /^(FAIRLEAD__|NODE_(OPTIONS|EXTRA|CHANNEL))/.test(name))).toEqual([])
  })
})

describe('a failure', () => {
  it('carries the error, and asks for a retry only when there is one', async () => {
    const first = await runTask('throws')
    expect(first.exit).toEqual({ kind: 'exited', exitCode: 1 })
    expect(api.states.get(first.id)).toMatchObject([
      { state: 'failed', error: { name: 'RangeError', message: 'no such row' } },
    ])
    api.shouldRetry = true
    const second = await runTask('throws')
    expect(api.states.get(second.id)).toMatchObject([{ state: 'up_for_retry' }])
  })

  it.each(['fatal', 'failTask'])('is final when the author says so (%s)', async (taskId) => {
    api.shouldRetry = true
    const { id } = await runTask(taskId)
    expect(api.states.get(id)).toMatchObject([{ state: 'failed' }])
  })

  it('is a skip when the handler asks for one', async () => {
    const { id } = await runTask('skips')
    expect(api.states.get(id)).toMatchObject([{ state: 'skipped' }])
  })

  it('names the task whose value cannot travel', async () => {
    const { id } = await runTask('returnsMap')
    const message = api.states.get(id)?.[0]?.error?.message
    expect(message).toContain(
      'Task "returnsMap" returned a value that cannot travel as JSON: "rows" in the value is an instance of Map',
    )
  })

  it('says so when a handler waits for what can never come', async () => {
    const { id } = await runTask('neverSettles')
    expect(api.states.get(id)?.[0]?.error?.name).toBe('NeverSettled')
  })

  it('is the exit code when user code exits by itself', async () => {
    const { exit, id } = await runTask('exits')
    expect(exit).toEqual({ kind: 'exited', exitCode: 3 })
    expect(api.states.get(id)?.[0]?.error?.name).toBe('ProcessExited')
  })
})

describe('a timeout', () => {
  it('ends a task that waits, at once', async () => {
    const { exit, id } = await runTask('waits', { executionTimeoutMs: 200 })
    expect(exit).toEqual({ kind: 'timedOut', timeoutMs: 200 })
    expect(api.states.get(id)).toMatchObject([
      { state: 'failed', exit: { kind: 'timedOut' }, error: { name: 'TaskTimedOut' } },
    ])
  })

  it('lets a task that listens to its signal clean up', async () => {
    const { exit, log } = await runTask('polite', { executionTimeoutMs: 200 })
    expect(exit.kind).toBe('timedOut')
    expect(log).toContain('cleaned up')
  })

  it.each(['deaf', 'blocks'])('ends a task that ignores SIGTERM or blocks its event loop (%s)', async (taskId) => {
    const { exit } = await runTask(taskId, { executionTimeoutMs: 200 })
    expect(exit).toEqual({ kind: 'timedOut', timeoutMs: 200 })
  })

  it('ends grandchildren that ignore SIGTERM', async () => {
    const { log } = await runTask('family', { executionTimeoutMs: 500 })
    const pid = Number(/child (\d+)/.exec(log)?.[1])
    expect(pid).toBeGreaterThan(0)
    expect(identify(pid)).toBeNull()
  })
})

describe('heartbeats', () => {
  it('go on while the task blocks its event loop', async () => {
    const { exit, id } = await runTask('blocks', {}, { beatEveryMs: 50 })
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(api.heartbeats(id)).toBeGreaterThan(5)
  })

  it.each([
    [404, undefined],
    [409, { detail: { reason: 'running_elsewhere', message: 'no' } }],
    [410, { detail: { reason: 'archived', message: 'no' } }],
  ])('that are answered by %i end the task without a report', async (status, body) => {
    api.intercept = ({ path }) => (path.endsWith('/heartbeat') ? { status, body } : null)
    const { exit, id } = await runTask('waits', {}, { beatEveryMs: 50 })
    expect(exit).toEqual({ kind: 'superseded' })
    expect(api.states.has(id)).toBe(false)
  })

  it('that find no server do not end the task', async () => {
    api.intercept = ({ path }) => (path.endsWith('/heartbeat') ? { drop: true } : null)
    const { exit } = await runTask('blocks', {}, { beatEveryMs: 50 })
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
  })
})

describe('a launch', () => {
  it('that the server refuses as another runner never starts', async () => {
    const detail = { reason: 'incompatible_runner', message: 'wants contract 2, has 1' }
    api.intercept = ({ path }) => (path.endsWith('/run') ? { status: 409, body: { detail } } : null)
    const { exit } = await runTask('hello')
    expect(exit).toEqual({ kind: 'neverStarted', detail: expect.stringContaining('wants contract 2') })
  })

  it('of a superseded dispatch ends quietly', async () => {
    api.intercept = ({ path }) => (path.endsWith('/run') ? { status: 410 } : null)
    expect((await runTask('hello')).exit).toEqual({ kind: 'superseded' })
  })

  it('repeats a lost answer with the same nonce', async () => {
    let isFirst = true
    api.intercept = ({ path }) => {
      if (!path.endsWith('/run') || !isFirst) return null
      isFirst = false
      return { drop: true }
    }
    expect((await runTask('hello')).exit).toEqual({ kind: 'exited', exitCode: 0 })
    const nonces = api.requests.filter(({ path }) => path.endsWith('/run')).map(({ nonce }) => nonce)
    expect(nonces).toHaveLength(2)
    expect(new Set(nonces).size).toBe(1)
  })
})

describe('an outage of the API', () => {
  it('delays the report of the outcome, and loses nothing', async () => {
    const running = runTask('blocks')
    await eventually(() => api.requests.some(({ path }) => path.endsWith('/run')))
    await api.goDown()
    await eventually(() => logOfLast().includes('"task ended"'))
    await api.comeUp()
    const { exit, id } = await running
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(api.states.get(id)).toMatchObject([{ state: 'success' }])
    expect(api.xcoms.get('blocks/return_value')).toBe('done')
  })

  it('counts a report as told when its answer was lost and the repeat is refused', async () => {
    let isFirst = true
    api.intercept = ({ path }) => {
      if (!path.endsWith('/state') || !isFirst) return null
      isFirst = false
      return { status: 503 }
    }
    const { id } = await runTask('hello')
    expect(api.states.get(id)).toHaveLength(1)
  })
})

describe('a log', () => {
  it('keeps levels, fields and order', async () => {
    const { log } = await runTask('levels')
    const own = linesOf(log).filter(({ logger }) => logger !== 'supervisor')
    expect(own.map(({ level, event, logger }) => [level, event, logger])).toEqual([
      ['warn', 'careful { a: 1 }', 'task'],
      ['error', 'bad', 'task'],
      ['info', 'raw', 'task.stdout'],
      ['info', 'loaded', 'task'],
    ])
    expect(own.at(-1)).toMatchObject({ rows: 3 })
  })

  it('takes 50 MB without holding them in memory', async () => {
    const before = process.memoryUsage().rss
    const { exit, log } = await runTask('prints')
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(log.split('\n').filter((line) => line.includes('xxxx'))).toHaveLength(50 * 1024)
    expect(peakRss - before).toBeLessThan(40 * 1024 * 1024)
  })

  it('cuts a long line into pieces that say so', async () => {
    const { log } = await runTask('longLine')
    const pieces = linesOf(log).filter(({ logger }) => logger === 'task.stdout')
    expect(pieces.map(({ event }) => event.length).reduce((sum, length) => sum + length)).toBe(300_000)
    expect(pieces.map(({ isContinued }) => isContinued ?? false)).toEqual([false, true, true, true, true])
  })
})

describe('a shell task', () => {
  it('succeeds by exit code 0, its last line is its value, and inputs are variables', async () => {
    api.xcoms.set('source/return_value', { a: "it's" })
    const inputs = [{ name: 'left', taskId: 'source', key: 'return_value' }]
    const { exit } = await runShell('echo first; echo "$FAIRLEAD_INPUT_LEFT"', { inputs })
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(api.xcoms.get('command/return_value')).toBe('{"a":"it\'s"}')
  })

  it('fails by its exit code, and skips by the one for that', async () => {
    const failed = await runShell('echo oh >&2; exit 7')
    expect(failed.exit).toEqual({ kind: 'exited', exitCode: 7 })
    expect(api.states.get(failed.id)).toMatchObject([{ state: 'failed', error: { name: 'NonZeroExit' } }])
    expect(linesOf(failed.log)).toContainEqual(expect.objectContaining({ event: 'oh', logger: 'task.stderr' }))
    const skipped = await runShell('exit 99')
    expect(api.states.get(skipped.id)).toMatchObject([{ state: 'skipped' }])
  })

  it('ends with all that it started, in the background too', async () => {
    const { log, exit } = await runShell('sleep 600 & echo "child $!"')
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(identify(Number(/child (\d+)/.exec(log)?.[1]))).toBeNull()
  })

  it('is timed out with its whole group', async () => {
    const { exit } = await runShell("trap '' TERM; sleep 600; sleep 600", { executionTimeoutMs: 200 })
    expect(exit).toEqual({ kind: 'timedOut', timeoutMs: 200 })
  })

  it('runs in an empty folder of its own that is gone afterwards', async () => {
    const { log } = await runShell('ls -A; pwd')
    const folder = linesOf(log).find(({ logger }) => logger === 'task.stdout')?.event ?? ''
    expect(folder).toContain('fairlead-shell-')
    expect(existsSync(folder)).toBe(false)
  })

  it('never starts in a folder that does not exist', async () => {
    const program = { kind: 'shell', command: 'true', env: {}, cwd: '/does/not/exist', skipOnExitCode: 99 } as const
    expect((await runTask('command', { program })).exit.kind).toBe('neverStarted')
  })
})

describe('the cause of a death', () => {
  it('is a V8 abort when the heap is full', async () => {
    const { exit, id } = await runTask('heap', {}, { nodeOptions: ['--max-old-space-size=40'] })
    expect(exit).toEqual({ kind: 'signaled', signal: 'SIGABRT', cause: 'v8_abort' })
    expect(api.states.get(id)).toMatchObject([{ state: 'failed', error: { name: 'V8Abort' } }])
  })

  it('is a crash when native code aborts', async () => {
    expect((await runTask('abort')).exit).toEqual({ kind: 'signaled', signal: 'SIGABRT', cause: 'crashed' })
  })

  it('is an outside kill when nobody of ours sent it', async () => {
    const { exit } = await runTask('waits', {}, { onRunning: (pid) => process.kill(pid, 'SIGKILL') })
    expect(exit).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
  })

  const group = memoryGroup()
  it.skipIf(group === null)(
    'is the kernel out of memory in a control group (needs root and a memory controller)',
    async () => {
      const { exit } = await runTask('memory', {}, { onRunning: (pid) => group?.limit(pid, 150 * 1024 * 1024) })
      group?.remove()
      expect(exit).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' })
    },
  )

  it('is the first one', async () => {
    const supervised = supervise(taskWorkload('deaf', { executionTimeoutMs: 200 }), {})
    const running = supervised.run()
    await eventually(() => linesOf(logOfLast()).some(({ event }) => event === 'task is being ended'))
    supervised.interrupt({ kind: 'cancelled', detail: 'too late' })
    expect(await running).toEqual({ kind: 'timedOut', timeoutMs: 200 })
  })
})

let lastLog = ''
let peakRss = 0

function logOfLast(): string {
  return existsSync(lastLog) ? readFileSync(lastLog, 'utf8') : ''
}

function linesOf(log: string): LogLine[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine)
}

interface LogLine {
  readonly level: string
  readonly event: string
  readonly logger: string
  readonly isContinued?: boolean
}

function runShell(command: string, changes: Partial<ExecuteTask> = {}): Promise<Ran> {
  return runTask('command', { program: { kind: 'shell', command, env: {}, cwd: null, skipOnExitCode: 99 }, ...changes })
}

async function runTask(taskId: string, changes: Partial<ExecuteTask> = {}, options: RunOptions = {}): Promise<Ran> {
  const workload = taskWorkload(taskId, changes)
  const supervisor = supervise(workload, options)
  const beats = setInterval(() => void supervisor.heartbeat(), options.beatEveryMs ?? 1_000)
  const memory = setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage().rss)), 50)
  const exit = await supervisor.run()
  clearInterval(beats)
  clearInterval(memory)
  return { exit, id: workload.taskInstance.id, log: logOfLast() }
}

interface RunOptions {
  readonly beatEveryMs?: number
  readonly nodeOptions?: readonly string[]
  readonly onRunning?: (pid: number) => void
}

interface Ran {
  readonly exit: WorkloadExit
  readonly id: string
  readonly log: string
}

function supervise(workload: ExecuteTask, options: RunOptions): Supervisor {
  lastLog = join(runner.logFolder, workload.logPath)
  const log = new LogWriter(lastLog)
  return new Supervisor(workload, {
    api: client,
    log,
    settings: SETTINGS,
    giveUp: new AbortController().signal,
    onRunning: options.onRunning ?? (() => undefined),
    record: { running: () => undefined, ended: () => undefined, reported: () => undefined },
    async prepare({ program, bundle }) {
      if (program.kind === 'shell') return await shellRun(workload, program, log)
      const runnerProcess = startRunnerProcess({
        childPath: runner.childPath,
        extraCaCertificates: null,
        environment: childEnvironment(process.env),
        nodeOptions: options.nodeOptions ?? [],
      })
      return handlerRun(workload, runnerProcess, {
        log,
        bundlePath: join(runner.bundleFolder, bundle.hash, 'bundle.mjs'),
      })
    },
  })
}

/** A memory control group to put a process in, or null where we may make none. */
function memoryGroup(): { limit(pid: number, bytes: number): void; remove(): void } | null {
  const name = `fairlead-test-${process.pid}`
  const [folder, file] = existsSync('/sys/fs/cgroup/cgroup.controllers')
    ? [`/sys/fs/cgroup/${name}`, 'memory.max']
    : [`/sys/fs/cgroup/memory/${name}`, 'memory.limit_in_bytes']
  try {
    mkdirSync(folder)
    return {
      limit(pid, bytes) {
        writeFileSync(join(folder, file), String(bytes))
        writeFileSync(join(folder, 'cgroup.procs'), String(pid))
      },
      remove: () => rmdirSync(folder),
    }
  } catch {
    // Not root, or no controller: the test says so.
    return null
  }
}

const SETTINGS: SupervisorSettings = {
  killGraceMs: 300,
  launchBudgetMs: 5_000,
  settleBudgetMs: 10_000,
  leaseMs: 10_000,
  overtimeMs: 5_000,
  drainMs: 500,
}
