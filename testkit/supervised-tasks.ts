import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { childEnvironment } from '../packages/task-runner/src/child-environment.ts'
import { ExecutionApiClient } from '../packages/task-runner/src/execution-api-client.ts'
import { handlerRun } from '../packages/task-runner/src/handler-run.ts'
import { LogWriter } from '../packages/task-runner/src/log-writer.ts'
import { startRunnerProcess } from '../packages/task-runner/src/runner-process.ts'
import type { SentrySettings } from '../packages/task-runner/src/sentry-settings.ts'
import { shellRun } from '../packages/task-runner/src/shell-run.ts'
import { Supervisor, type SupervisorSettings } from '../packages/task-runner/src/supervisor.ts'
import { compileRunner, type CompiledRunner } from './compiled-runner.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from './fake-execution-api.ts'
import { shellWorkload, taskWorkload } from './workloads.ts'

/** Runs tasks of one Dag under real supervisors in real processes, against a fake server that is new for each test. */
export interface SupervisedTasks {
  readonly api: FakeExecutionApi
  run(taskId: string, changes?: Partial<ExecuteTask>, options?: RunOptions): Promise<Ran>
  runShell(command: string, changes?: Partial<ExecuteTask>): Promise<Ran>
  supervise(workload: ExecuteTask, options: RunOptions): Supervisor
  /** The log of the task that was started last. */
  lastLog(): string
  /** The most memory that this process took during a run. */
  peakRss(): number
}

/** What a test may change about a run. */
export interface RunOptions {
  readonly beatEveryMs?: number
  readonly nodeOptions?: readonly string[]
  readonly onRunning?: (pid: number) => void
  readonly sentry?: SentrySettings | null
}

/** A run that is over. */
export interface Ran {
  readonly exit: WorkloadExit
  readonly id: string
  readonly log: string
}

/** One line of a log. */
export interface LogLine {
  readonly level: string
  readonly event: string
  readonly logger: string
  readonly isContinued?: boolean
}

/** Registers the set-up of a test file. */
export function superviseTasks(): SupervisedTasks {
  let runner: CompiledRunner
  let api: FakeExecutionApi
  let client: ExecutionApiClient
  let logPath = ''
  let peakRss = 0

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

  const tasks: SupervisedTasks = {
    get api() {
      return api
    },
    lastLog: () => (existsSync(logPath) ? readFileSync(logPath, 'utf8') : ''),
    peakRss: () => peakRss,
    run: (taskId, changes = {}, options = {}) => runWorkload(taskWorkload(taskId, changes), options),
    runShell: (command, changes = {}) => runWorkload(shellWorkload(command, changes), {}),
    supervise(workload, options) {
      logPath = join(runner.logFolder, workload.logPath)
      const log = new LogWriter(logPath)
      return new Supervisor(workload, {
        session: client.session(workload.taskInstance.id, workload.token),
        log,
        settings: SETTINGS,
        giveUp: new AbortController().signal,
        onRunning: options.onRunning ?? (() => undefined),
        record: { running: () => undefined, ended: () => undefined, reported: () => undefined },
        async prepare({ program, bundle }) {
          if (program.kind === 'shell') return await shellRun(workload, program, log)
          const process_ = startRunnerProcess({
            childPath: runner.childPath,
            extraCaCertificates: null,
            environment: childEnvironment(process.env),
            nodeOptions: options.nodeOptions ?? [],
          })
          return handlerRun(workload, process_, {
            log,
            sentry: options.sentry ?? null,
            bundlePath: join(runner.bundleFolder, bundle.hash, 'bundle.mjs'),
          })
        },
      })
    },
  }

  async function runWorkload(workload: ExecuteTask, options: RunOptions): Promise<Ran> {
    const supervisor = tasks.supervise(workload, options)
    const beats = setInterval(() => void supervisor.heartbeat(), options.beatEveryMs ?? 1_000)
    const memory = setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 50)
    const exit = await supervisor.run()
    clearInterval(beats)
    clearInterval(memory)
    return { exit, id: workload.taskInstance.id, log: tasks.lastLog() }
  }

  return tasks
}

/** The lines of a log. */
export function linesOf(log: string): LogLine[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine)
}

const SETTINGS: SupervisorSettings = {
  killGraceMs: 300,
  launchBudgetMs: 5_000,
  settleBudgetMs: 10_000,
  leaseMs: 10_000,
  overtimeMs: 5_000,
  drainMs: 500,
}

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
dag.task('daemon', async () => {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
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
dag.task('variables', async () => {
  const { variables, getVariable } = getClient()
  await variables.set('plan', { steps: 3 }, { description: 'how' })
  await variables.set('gone', 'soon')
  await variables.delete('gone')
  return [await getVariable('plan'), await variables.getJson('plan'), await getVariable('gone'), await getVariable('home')]
})()
dag.task('noJson', async () => getClient().variables.getJson('words'))()
dag.task('connects', async () => {
  const { host, port, password, extra } = await getClient().getConnection('db')
  console.log('logs in with ' + password, { token: extra.api_token })
  const own = await getClient().getConnection('own')
  console.error(own.password + ' and ' + encodeURIComponent(password))
  await getClient().maskSecret('sesame\\nopen please')
  process.stdout.write('sesame, and: open please\\n')
  const none = await getClient().getConnection('none')
  if (none !== null) throw new Error('found')
  throw new Error(host + ':' + port + ' refused ' + password)
})()
dag.task('throwsLater', () => new Promise(() => setTimeout(() => { throw new Error('later') }, 5)))()
dag.task('hasSentry', () => '__SENTRY__' in globalThis)()
dag.task('environment', () => ({ names: Object.keys(process.env), send: typeof process.send, argv: process.argv.length }))()
`
