import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { identify } from '@fairlead/task-runner'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { compileRunner, type CompiledRunner } from '../../../testkit/compiled-runner.ts'
import { eventually } from '../../../testkit/eventually.ts'
import { recordingHost, type RecordingHost } from '../../../testkit/executor-host.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from '../../../testkit/fake-execution-api.ts'
import { taskWorkload } from '../../../testkit/workloads.ts'
import { LocalExecutor } from './local-executor.ts'

/** Executors of several schedulers on one machine, over one worker host. */

const DAG = `
import { setTimeout as sleep } from 'node:timers/promises'
import { existsSync } from 'node:fs'
const dag = new Dag('demo')
dag.task('untilReleased', async () => { while (!existsSync(process.env.RELEASE_FILE)) await sleep(10); return 'released' })()
`
const SUCCESS: WorkloadExit = { kind: 'exited', exitCode: 0 }
const NEVER = new AbortController().signal

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
  runFolder = mkdtempSync(join(tmpdir(), 'fairlead-shared-'))
  process.env['RELEASE_FILE'] = join(runFolder, 'release')
})
afterEach(async () => {
  for (const executor of started.splice(0)) await executor.terminate()
  await api.close()
  rmSync(runFolder, { recursive: true, force: true })
})

interface Running {
  readonly executor: LocalExecutor
  readonly host: RecordingHost
}

function create(settings: Readonly<Record<string, unknown>> = {}): Running {
  const host = recordingHost({
    apiUrl: api.url,
    runFolder,
    logFolder: join(runFolder, 'logs'),
    bundleFolder: runner.bundleFolder,
    settings: { childPath: runner.childPath, workerHostPath: runner.workerHostPath, ...settings },
  })
  const executor = new LocalExecutor(host)
  started.push(executor)
  return { executor, host }
}

async function startTwo(): Promise<readonly [Running, Running]> {
  const two = [create(), create()] as const
  await Promise.all(two.map(({ executor }) => executor.start()))
  return two
}

async function begin({ executor, host }: Running): Promise<ExecuteTask> {
  const workload = taskWorkload('untilReleased')
  executor.queueWorkload(workload, { queue: 'default', executorConfig: null })
  await executor.processWorkloads(NEVER)
  const { dispatchId } = workload.taskInstance
  await eventually(() => host.events.some((event) => event.kind === 'running' && event.dispatchId === dispatchId))
  return workload
}

const endsOf = ({ host }: Running, { taskInstance }: ExecuteTask): readonly WorkloadExit[] =>
  host.events.flatMap((event) =>
    event.kind === 'ended' && event.dispatchId === taskInstance.dispatchId ? [event.exit] : [],
  )
const release = (): void => writeFileSync(join(runFolder, 'release'), '')

describe('executors that share a worker host', () => {
  it('start one between them, however many start at once', async () => {
    const all = Array.from({ length: 4 }, () => create())
    await Promise.all(all.map(({ executor }) => executor.start()))
    const pids = await Promise.all(all.map(async ({ executor }) => (await executor.hostStatus())?.pid))
    expect(new Set(pids).size).toBe(1)
  })

  it('hear of the end of their own work, and not of the other one', async () => {
    const [one, two] = await startTwo()
    const [ofOne, ofTwo] = [await begin(one), await begin(two)]
    release()
    await eventually(() => endsOf(one, ofOne).length > 0 && endsOf(two, ofTwo).length > 0)
    expect([endsOf(one, ofOne), endsOf(two, ofTwo)]).toEqual([[SUCCESS], [SUCCESS]])
    expect([endsOf(one, ofTwo), endsOf(two, ofOne)]).toEqual([[], []])
  })

  it('adopt what the other left running, whether it still runs or has ended since', async () => {
    const [one, two] = await startTwo()
    const [running, ended] = [await begin(one), await begin(one)]
    await one.executor.detach()
    expect(await two.executor.tryAdoptTaskInstances([running.taskInstance], NEVER)).toEqual([])
    release()
    await eventually(() => endsOf(two, running).length > 0)
    expect(endsOf(two, ended)).toEqual([])
    expect(await two.executor.tryAdoptTaskInstances([ended.taskInstance], NEVER)).toEqual([])
    await eventually(() => endsOf(two, ended).length > 0)
    expect([endsOf(two, running), endsOf(two, ended)]).toEqual([[SUCCESS], [SUCCESS]])
  })

  it('leave the work of the other alone when they end, and their own for it to adopt', async () => {
    const [one, two] = await startTwo()
    const [ofOne, ofTwo] = [await begin(one), await begin(two)]
    await one.executor.end(AbortSignal.timeout(100))
    expect(endsOf(one, ofOne)).toEqual([])
    expect(await two.executor.tryAdoptTaskInstances([ofOne.taskInstance], NEVER)).toEqual([])
    release()
    await eventually(() => endsOf(two, ofOne).length > 0 && endsOf(two, ofTwo).length > 0)
  })

  it('end their own work alone when they are terminated', async () => {
    const [one, two] = await startTwo()
    const [ofOne, ofTwo] = [await begin(one), await begin(two)]
    await one.executor.terminate()
    expect(endsOf(one, ofOne)).toEqual([expect.objectContaining({ kind: 'shutdown' })])
    release()
    await eventually(() => endsOf(two, ofTwo).length > 0)
    expect(endsOf(two, ofTwo)).toEqual([SUCCESS])
  })

  it('replace one that hangs by one between them', async () => {
    const hasty = { hostTimeoutMs: 2_000 }
    const all = [create(hasty), create(hasty)]
    const pidOf = async ({ executor }: Running): Promise<number> =>
      (await executor.hostStatus().catch(() => null))?.pid ?? 0
    await Promise.all(all.map(({ executor }) => executor.start()))
    const [before = 0] = await Promise.all(all.map(pidOf))
    process.kill(before, 'SIGSTOP')
    await eventually(
      async () => {
        const [one, two] = await Promise.all(all.map(pidOf))
        return one !== 0 && one !== before && one === two
      },
      { timeoutMs: 20_000, everyMs: 200 },
    )
    expect(identify(before)).toBeNull()
  })
})

describe('a worker host that is provided', () => {
  it('is waited for, attached to, and left running with its work', async () => {
    const { executor, host } = create({ workerHost: 'provided' })
    await expect(executor.start()).rejects.toThrow('Run one with `fairlead worker-host`')
    const stopping = new AbortController()
    const said: string[] = []
    const ended = LocalExecutor.runWorkerHost({
      ...host,
      onReady: () => void said.push('ready'),
      signal: stopping.signal,
    })
    await eventually(() => said.includes('ready'))
    await executor.start()
    const workload = await begin({ executor, host })
    await executor.end(NEVER)
    const next = create({ workerHost: 'provided' })
    await next.executor.start()
    expect(await next.executor.tryAdoptTaskInstances([workload.taskInstance], NEVER)).toEqual([])
    release()
    await eventually(() => endsOf(next, workload).length > 0)
    await next.executor.detach()
    stopping.abort()
    expect(await ended).toEqual({ kind: 'ended' })
  })
})
