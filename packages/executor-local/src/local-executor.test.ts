import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { identify } from '@fairlead/task-runner'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { compileRunner, type CompiledRunner } from '../../../testkit/compiled-runner.ts'
import { eventually } from '../../../testkit/eventually.ts'
import { recordingHost, type RecordingHost } from '../../../testkit/executor-host.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from '../../../testkit/fake-execution-api.ts'
import { shellWorkload, taskWorkload } from '../../../testkit/workloads.ts'
import { LocalExecutor } from './local-executor.ts'

let runner: CompiledRunner
let api: FakeExecutionApi
let runFolder: string
const started: LocalExecutor[] = []

beforeAll(async () => {
  runner = await compileRunner()
  runner.addBundle('demo', DAG)
})
afterAll(() => runner.remove())
beforeEach(async () => {
  api = await startFakeExecutionApi()
  runFolder = mkdtempSync(join(tmpdir(), 'fairlead-run-'))
  process.env['RELEASE_FILE'] = releaseFile()
})
afterEach(async () => {
  for (const executor of started.splice(0)) await executor.terminate()
  await api.close()
  rmSync(runFolder, { recursive: true, force: true })
})

const DAG = `
import { setTimeout as sleep } from 'node:timers/promises'
import { existsSync, writeFileSync } from 'node:fs'
const dag = new Dag('demo')
dag.task('hello', () => 'hello')()
dag.task('wait', async () => { await sleep(600_000) })()
dag.task('block', () => { const end = Date.now() + 600_000; while (Date.now() < end); })()
dag.task('pid', () => process.pid)()
dag.task('untilReleased', async () => { while (!existsSync(process.env.RELEASE_FILE)) await sleep(10); return 'released' })()
`

it('runs tasks as processes of their own and reports each end once', async () => {
  const { executor, host } = await startExecutor()
  const workloads = ['hello', 'hello', 'pid'].map((taskId) => submit(executor, taskWorkload(taskId)))
  const exits = await Promise.all(workloads.map((workload) => exitOf(host, workload)))
  expect(exits).toEqual(workloads.map(() => SUCCESS))
  expect(host.events.filter(({ kind }) => kind === 'ended')).toHaveLength(3)
  expect(workloads.map(statesOf)).toEqual([['success'], ['success'], ['success']])
})

it('begins a dispatch once, however often it is submitted', async () => {
  const { executor, host } = await startExecutor()
  const workload = taskWorkload('hello')
  await Promise.all([
    executor.executeAsync(workload, { signal: NEVER }),
    executor.executeAsync(workload, { signal: NEVER }),
  ])
  await exitOf(host, workload)
  await executor.executeAsync(workload, { signal: NEVER })
  expect(api.requests.filter(({ path }) => path.endsWith('/run'))).toHaveLength(1)
})

it('keeps spares that have loaded the bundle, and none after a while without work', async () => {
  const { executor, host } = await startExecutor({ spares: 2, sparesIdleMs: 1_000 })
  await exitOf(host, submit(executor, taskWorkload('hello')))
  await eventually(async () => (await executor.hostStatus())?.preloadedSpares === 2)
  await eventually(async () => (await executor.hostStatus())?.spares === 0)
  expect(await exitOf(host, submit(executor, taskWorkload('hello')))).toEqual(SUCCESS)
})

it('runs more tasks at once than there are spares', async () => {
  const { executor, host } = await startExecutor({ spares: 1 })
  const workloads = Array.from({ length: 12 }, () => submit(executor, taskWorkload('hello')))
  expect(await Promise.all(workloads.map((workload) => exitOf(host, workload)))).toEqual(workloads.map(() => SUCCESS))
})

it('runs shell tasks without a Node process', async () => {
  const { executor, host } = await startExecutor()
  const workload = submit(executor, shellWorkload('echo $PPID; tr "\\0" " " < /proc/$$/cmdline'))
  expect(await exitOf(host, workload)).toEqual(SUCCESS)
  expect(api.xcoms.get('command/return_value')).toContain('/bin/sh -c')
})

it('never starts a task whose bundle is not there, and says where it looked', async () => {
  const { executor, host } = await startExecutor()
  const workload = submit(executor, taskWorkload('hello', { bundle: { name: 'dags', hash: 'gone', file: 'x.ts' } }))
  expect(await exitOf(host, workload)).toEqual({
    kind: 'neverStarted',
    detail: expect.stringContaining('bundles/gone/bundle.mjs'),
  })
})

it('refuses a log path that leads out of the log folder', async () => {
  const { executor, host } = await startExecutor()
  const workload = submit(executor, taskWorkload('hello', { logPath: '../../escape.log' }))
  expect(await exitOf(host, workload)).toEqual({
    kind: 'neverStarted',
    detail: expect.stringContaining('out of the log folder'),
  })
})

it('says what is wrong when the worker host cannot start', async () => {
  const starting = startExecutor({ workerHostPath: join(runner.folder, 'missing.cjs') })
  await expect(starting).rejects.toThrow(/The worker host ended before it was ready: .*missing.cjs/s)
})

it.each(['wait', 'block'])(
  'revokes a task that runs, and nothing of it is left when that resolves (%s)',
  async (taskId) => {
    const { executor, host } = await startExecutor()
    const workload = submit(executor, taskWorkload(taskId))
    const pid = await pidOf(host, workload)
    await executor.revokeTask(workload.taskInstance, NEVER)
    expect(identify(pid)).toBeNull()
    expect(executor.hasTask(workload.taskInstance.dispatchId)).toBe(false)
    expect(statesOf(workload)).toEqual([])
    expect(host.events.filter(({ kind }) => kind === 'ended')).toEqual([])
  },
)

it('revokes quietly what it does not know', async () => {
  const { executor } = await startExecutor()
  await executor.revokeTask(taskWorkload('wait').taskInstance, NEVER)
})

it('ends a task that the server calls superseded, without a report', async () => {
  const { executor, host } = await startExecutor({ heartbeatIntervalMs: 50 })
  api.intercept = ({ path }) => (path.endsWith('/heartbeat') ? { status: 410 } : null)
  const workload = submit(executor, taskWorkload('wait'))
  expect(await exitOf(host, workload)).toEqual({ kind: 'superseded' })
  expect(statesOf(workload)).toEqual([])
})

it('heartbeats for a task that blocks its event loop', async () => {
  const { executor, host } = await startExecutor({ heartbeatIntervalMs: 50 })
  const workload = submit(executor, taskWorkload('block'))
  await pidOf(host, workload)
  await eventually(() => api.heartbeats(workload.taskInstance.id) > 10)
})

describe('when a task is killed from outside', () => {
  it.each([
    ['a handler', () => taskWorkload('wait')],
    ['a shell command', () => shellWorkload('exec sleep 600')],
  ])('says so, for %s', async (_, makeWorkload) => {
    const { executor, host } = await startExecutor()
    const workload = submit(executor, makeWorkload())
    process.kill(await pidOf(host, workload), 'SIGKILL')
    expect(await exitOf(host, workload)).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
    expect(statesOf(workload)).toEqual(['failed'])
  })
})

describe('when the server dies', () => {
  it('keeps tasks running, and the next server adopts them', async () => {
    const first = await startExecutor()
    const workload = submit(first.executor, taskWorkload('untilReleased'))
    const pid = await pidOf(first.host, workload)
    await abandon(first.executor)

    const second = await startExecutor()
    expect(
      await second.executor.tryAdoptTaskInstances([workload.taskInstance, taskWorkload('x').taskInstance], NEVER),
    ).toHaveLength(1)
    expect(second.executor.hasTask(workload.taskInstance.dispatchId)).toBe(true)
    release()
    expect(await exitOf(second.host, workload)).toEqual(SUCCESS)
    expect(second.host.events).toContainEqual(expect.objectContaining({ kind: 'running', externalId: String(pid) }))
    expect(statesOf(workload)).toEqual(['success'])
  })

  it('keeps outcomes for the next server, which reports them once', async () => {
    const first = await startExecutor()
    const workload = submit(first.executor, taskWorkload('untilReleased'))
    await pidOf(first.host, workload)
    await abandon(first.executor)
    await api.goDown()
    release()
    await eventually(() => logOf(workload).includes('"task ended"'))

    await api.comeUp()
    const second = await startExecutor()
    expect(await second.executor.tryAdoptTaskInstances([workload.taskInstance], NEVER)).toEqual([])
    expect(await exitOf(second.host, workload)).toEqual(SUCCESS)
    expect(statesOf(workload)).toEqual(['success'])
    expect(api.xcoms.get('untilReleased/return_value')).toBe('released')
  })

  it('ends everything after the grace, and the next server hears why', async () => {
    const first = await startExecutor({ detachedGraceMs: 600 })
    const workloads = [
      submit(first.executor, taskWorkload('block')),
      submit(first.executor, shellWorkload('sleep 600')),
    ]
    const pids = await Promise.all(workloads.map((workload) => pidOf(first.host, workload)))
    const hostPid = await hostPidOf(first.executor)
    await abandon(first.executor)
    await eventually(() => [...pids, hostPid].every((pid) => identify(pid) === null))

    const second = await startExecutor()
    for (const workload of workloads) expect((await exitOf(second.host, workload)).kind).toBe('shutdown')
  })
})

describe('when the worker host is killed', () => {
  it('ends its tasks, says they are lost, and runs the next ones under another', async () => {
    const { executor, host } = await startExecutor()
    const workloads = [taskWorkload('wait'), taskWorkload('block'), shellWorkload('sleep 600 & wait')]
    for (const workload of workloads) submit(executor, workload)
    const pids = await Promise.all(workloads.map((workload) => pidOf(host, workload)))
    process.kill(await hostPidOf(executor), 'SIGKILL')
    for (const workload of workloads) expect((await exitOf(host, workload)).kind).toBe('lost')
    expect(pids.map(identify)).toEqual([null, null, null])
    expect(await exitOf(host, submit(executor, taskWorkload('hello')))).toEqual(SUCCESS)
  })

  it('replaces one that hangs', async () => {
    const { executor, host } = await startExecutor({ hostTimeoutMs: 500 })
    const workload = submit(executor, taskWorkload('wait'))
    const pid = await pidOf(host, workload)
    const hostPid = await hostPidOf(executor)
    process.kill(hostPid, 'SIGSTOP')
    expect((await exitOf(host, workload)).kind).toBe('lost')
    expect([pid, hostPid].map(identify)).toEqual([null, null])
    expect(await exitOf(host, submit(executor, taskWorkload('hello')))).toEqual(SUCCESS)
  })

  it('leaves nothing behind even when the server is dead too', async () => {
    const { executor, host } = await startExecutor()
    const workloads = [taskWorkload('block'), shellWorkload("trap '' TERM; while :; do sleep 1; done")]
    for (const workload of workloads) submit(executor, workload)
    const pids = await Promise.all(workloads.map((workload) => pidOf(host, workload)))
    const hostPid = await hostPidOf(executor)
    await abandon(executor)
    process.kill(hostPid, 'SIGKILL')
    await eventually(() => [...pids, hostPid].every((pid) => identify(pid) === null))
  })

  it('tells the server what its successor finds untold in the journal', async () => {
    const { executor, host } = await startExecutor()
    const workload = submit(executor, taskWorkload('untilReleased'))
    await pidOf(host, workload)
    await api.goDown()
    release()
    await eventually(() => logOf(workload).includes('"task ended"'))
    process.kill(await hostPidOf(executor), 'SIGKILL')
    await api.comeUp()
    expect(await exitOf(host, workload)).toEqual(SUCCESS)
    expect(statesOf(workload)).toEqual(['success'])
  })
})

describe('when the server ends in good order', () => {
  it('waits for what runs', async () => {
    const { executor, host } = await startExecutor()
    const workload = submit(executor, taskWorkload('untilReleased'))
    await pidOf(host, workload)
    const ending = executor.end(NEVER)
    release()
    await ending
    expect(await exitOf(host, workload)).toEqual(SUCCESS)
  })

  it('leaves no process though it was started twice', async () => {
    const { executor, host } = await startExecutor()
    await executor.start()
    const workload = submit(executor, taskWorkload('wait'))
    const pids = [await pidOf(host, workload), await hostPidOf(executor)]
    await executor.end(AbortSignal.abort())
    await eventually(() => pids.every((pid) => identify(pid) === null))
    expect(host.logged.map(({ message }) => message)).not.toContain('worker host is gone, starting another')
  })

  it('ends what is left when it may wait no longer, and leaves no process', async () => {
    const { executor, host } = await startExecutor()
    const workloads = [submit(executor, taskWorkload('wait')), submit(executor, taskWorkload('block'))]
    const pids = await Promise.all(workloads.map((workload) => pidOf(host, workload)))
    const hostPid = await hostPidOf(executor)
    await executor.end(AbortSignal.abort())
    for (const workload of workloads) expect((await exitOf(host, workload)).kind).toBe('shutdown')
    await eventually(() => [...pids, hostPid].every((pid) => identify(pid) === null))
  })
})

it('forgets an end once dispatch has written it down', async () => {
  const { executor, host } = await startExecutor()
  await exitOf(host, submit(executor, taskWorkload('hello')))
  expect((await executor.hostStatus())?.unacknowledged).toBe(1)
  executor.acknowledgeEvents(executor.getEventBuffer().at(-1)?.place ?? 0)
  await eventually(async () => (await executor.hostStatus())?.unacknowledged === 0)
})

it('holds no descriptor and no process of a task that has ended', async () => {
  const { executor, host } = await startExecutor({ spares: 1 })
  const hostPid = await hostPidOf(executor)
  const runTen = async (): Promise<void> => {
    const workloads = Array.from({ length: 10 }, (_, index) =>
      submit(executor, index % 2 ? taskWorkload('hello') : shellWorkload('true')),
    )
    await Promise.all(workloads.map((workload) => exitOf(host, workload)))
    await eventually(async () => (await executor.hostStatus())?.startingSpares === 0)
  }
  const open = (): number => readdirSync(`/proc/${hostPid}/fd`).length
  await runTen()
  await eventually(async () => (await executor.hostStatus())?.spares === 1)
  const before = open()
  for (let round = 0; round < 3; round += 1) await runTen()
  await eventually(() => open() <= before + 2)
})

const SUCCESS = { kind: 'exited', exitCode: 0 }
const NEVER = new AbortController().signal

function release(): void {
  writeFileSync(releaseFile(), '')
}

/** The host inherits this process's environment, and its tasks inherit the host's. */
function releaseFile(): string {
  return join(runFolder, 'release')
}

function statesOf({ taskInstance }: ExecuteTask): string[] {
  return (api.states.get(taskInstance.id) ?? []).map(({ state }) => state)
}

/** What is left of a server that was killed: its connection is gone, and nobody answers. */
async function abandon(executor: LocalExecutor): Promise<void> {
  started.splice(started.indexOf(executor), 1)
  await executor.detach()
}

async function hostPidOf(executor: LocalExecutor): Promise<number> {
  const status = await executor.hostStatus()
  return status?.pid ?? 0
}

function pidOf(host: RecordingHost, { taskInstance }: ExecuteTask): Promise<number> {
  return eventually(() => {
    const running = host.events.find(
      (event) => event.kind === 'running' && event.dispatchId === taskInstance.dispatchId,
    )
    return Number(running?.kind === 'running' ? running.externalId : 0)
  })
}

async function startExecutor(
  settings: Record<string, unknown> = {},
): Promise<{ executor: LocalExecutor; host: RecordingHost }> {
  const { childPath, workerHostPath, bundleFolder, logFolder } = runner
  const host = recordingHost({
    apiUrl: api.url,
    runFolder,
    bundleFolder,
    logFolder,
    settings: { childPath, workerHostPath, killGraceMs: 300, ...settings },
  })
  const executor = new LocalExecutor(host)
  started.push(executor)
  await executor.start()
  return { executor, host }
}

function submit(executor: LocalExecutor, workload: ExecuteTask): ExecuteTask {
  executor.queueWorkload(workload, { queue: 'default', executorConfig: undefined })
  void executor.processWorkloads(new AbortController().signal)
  return workload
}

function exitOf(host: RecordingHost, { taskInstance }: ExecuteTask): Promise<WorkloadExit> {
  return eventually(() => {
    const end = host.events.find((event) => event.kind === 'ended' && event.dispatchId === taskInstance.dispatchId)
    return end?.kind === 'ended' ? end.exit : null
  })
}

function logOf({ logPath }: ExecuteTask): string {
  const path = join(runner.logFolder, logPath)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
