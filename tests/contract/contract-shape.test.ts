import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawn, type ChildProcess } from 'node:child_process'
import type { ExecuteTask } from '@fairlead/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BaseExecutor } from '@fairlead/executor'
import { eventually } from '../../testkit/eventually.ts'
import { ExecutorHarness } from '../../testkit/executor-harness.ts'
import { taskWorkload } from '../../testkit/sample-workloads.ts'
import { ExecutionApiStub } from './execution-api-stub.ts'
import { FakeCloud } from './fake-cloud.ts'
import { installPacked, type PackedInstall } from './install-packed.ts'

const runner = [process.execPath, fileURLToPath(new URL('stand-in-runner.mjs', import.meta.url))]
let install: PackedInstall
let folder: string
let api: ExecutionApiStub
let harness: ExecutorHarness

beforeAll(async () => {
  install = await installPacked(['fake-cloud-executor', 'pull-executor'])
})

afterAll(() => install.remove())

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-contract-'))
  api = await new ExecutionApiStub().listen()
})

afterEach(async () => {
  await harness.stop()
  await api.close()
  await rm(folder, { recursive: true, force: true })
})

const shell = (command: string): ExecuteTask =>
  taskWorkload({ program: { kind: 'shell', command, env: {}, cwd: null, skipOnExitCode: null } })
const runsOf = (workload: ExecuteTask): number =>
  api.granted.filter((call) => call === `run ${workload.taskInstance.id}`).length
const kindsOf = (workload: ExecuteTask): string[] => harness.eventsOf(workload).map(({ kind }) => kind)

describe('a fake-cloud executor, from a packed tarball', () => {
  let cloud: FakeCloud

  beforeEach(async () => {
    cloud = await new FakeCloud().listen()
    const { FakeCloudExecutor } = await install.load('fake-cloud-executor')
    harness = await ExecutorHarness.start({
      executorClass: FakeCloudExecutor,
      settings: { cloudUrl: cloud.url, workerCommand: runner },
      apiUrl: api.url,
      folder,
    })
  })

  afterEach(() => cloud.close())

  it('brings a copy of the contract of its own, which dispatch accepts', async () => {
    const { FakeCloudExecutor } = await install.load('fake-cloud-executor')
    expect((FakeCloudExecutor as typeof BaseExecutor).prototype).not.toBeInstanceOf(BaseExecutor)
  })

  it('runs a workload to its end, and says how it ended', async () => {
    const [good, bad] = [shell('exit 0'), shell('exit 7')]
    harness.submit(good)
    harness.submit(bad)
    await eventually(() => harness.endOf(good) && harness.endOf(bad))
    expect([harness.endOf(good), harness.endOf(bad)]).toEqual([
      { kind: 'exited', exitCode: 0 },
      { kind: 'exited', exitCode: 7 },
    ])
    expect(kindsOf(good)).toEqual(['accepted', ...(kindsOf(good).includes('running') ? ['running'] : []), 'ended'])
    expect(api.granted).toContain(`success ${good.taskInstance.id}`)
    expect(api.granted).toContain(`failed ${bad.taskInstance.id}`)
    expect(harness.executor.slotsOccupied).toBe(0)
  })

  it('starts one job when the answers to its submit are lost', async () => {
    cloud.loseAnswers = 2
    const workload = shell('exit 0')
    harness.submit(workload)
    await eventually(() => harness.endOf(workload))
    expect(cloud.requests.filter((request) => request === 'POST /submit')).toHaveLength(3)
    expect(cloud.jobs).toHaveLength(1)
    expect(runsOf(workload)).toBe(1)
  })

  it('fails nothing while the cloud throttles', async () => {
    cloud.throttle = 5
    const workloads = Array.from({ length: 5 }, () => shell('exit 0'))
    workloads.forEach((workload) => harness.submit(workload))
    await eventually(() => workloads.every((workload) => harness.endOf(workload)))
    expect(workloads.map((workload) => harness.endOf(workload))).toEqual(
      workloads.map(() => ({ kind: 'exited', exitCode: 0 })),
    )
  })

  it('ends a workload that the cloud refuses as never started, with the words of the cloud', async () => {
    await harness.stop()
    const { FakeCloudExecutor } = await install.load('fake-cloud-executor')
    harness = await ExecutorHarness.start({
      executorClass: FakeCloudExecutor,
      settings: { cloudUrl: cloud.url, workerCommand: [] },
      apiUrl: api.url,
      folder,
    })
    const workload = shell('exit 0')
    harness.submit(workload)
    await eventually(() => harness.endOf(workload))
    expect(harness.endOf(workload)).toEqual({ kind: 'neverStarted', detail: 'a job needs a command' })
  })

  it('adopts a running job after a crash, and reports its end once', async () => {
    const release = join(folder, 'release')
    const workload = shell(`until [ -e ${release} ]; do sleep 0.02; done`)
    harness.submit(workload)
    await eventually(() => runsOf(workload) === 1 && kindsOf(workload).includes('accepted'))
    await harness.crash()
    await harness.restart()
    expect(harness.notAdopted).toEqual([])
    spawn('touch', [release])
    await eventually(() => harness.endOf(workload))
    expect(harness.endOf(workload)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(cloud.jobs).toHaveLength(1)
    expect(runsOf(workload)).toBe(1)
  })

  it('repeats a hand-over whose acceptance was never recorded, and still runs one job', async () => {
    harness.isDatabaseDown = true
    const workload = shell('exit 0')
    harness.submit(workload)
    await eventually(() => runsOf(workload) === 1)
    await harness.crash()
    harness.isDatabaseDown = false
    await harness.restart()
    await eventually(() => harness.endOf(workload))
    expect(cloud.jobs).toHaveLength(1)
    expect(runsOf(workload)).toBe(1)
  })

  it('answers what it cannot find when a crash and the end of the cloud coincide', async () => {
    const workload = shell('sleep 60')
    harness.submit(workload)
    await eventually(() => kindsOf(workload).includes('accepted'))
    await harness.crash()
    const port = Number(new URL(cloud.url).port)
    await cloud.close()
    cloud = await new FakeCloud().listen(port)
    await harness.restart()
    expect(harness.notAdopted.map(({ id }) => id)).toEqual([workload.taskInstance.id])
  })

  it('stops a running job when it is revoked, and reports no end of it', async () => {
    const workload = shell('sleep 60')
    harness.submit(workload)
    await eventually(() => runsOf(workload) === 1)
    await harness.revoke(workload)
    expect(cloud.jobs.map((job) => job.exit)).toEqual([{ exitCode: null, signal: 'SIGKILL' }])
    expect(harness.executor.slotsOccupied).toBe(0)
    await harness.revoke(workload)
    expect(harness.endOf(workload)).toBeNull()
  })

  it('says that a job was killed from outside', async () => {
    const workload = shell('sleep 60')
    harness.submit(workload)
    await eventually(() => runsOf(workload) === 1)
    process.kill(-cloud.jobs[0]!.child.pid!, 'SIGKILL')
    await eventually(() => harness.endOf(workload))
    expect(harness.endOf(workload)).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
  })

  it('shows the log of work in progress from settings and external id alone', async () => {
    const workload = shell('echo halfway; sleep 60')
    harness.submit(workload)
    await eventually(() => cloud.jobs[0]?.log.includes('halfway'))
    const { FakeCloudExecutor } = await install.load('fake-cloud-executor')
    const other = await ExecutorHarness.start({
      executorClass: FakeCloudExecutor,
      settings: { cloudUrl: cloud.url, workerCommand: runner },
      apiUrl: api.url,
      folder,
    })
    const { externalId } = await eventually(() => harness.eventsOf(workload)[0])
    const log = await other.executor.getTaskLog({ ...workload.taskInstance, externalId }, 1)
    const lines: string[] = []
    for await (const line of log ?? []) lines.push(line)
    expect(lines.join('')).toContain('halfway')
    await other.stop()
  })
})

describe('a pull executor, from a packed tarball', () => {
  const workers: ChildProcess[] = []

  beforeEach(async () => {
    const { PullExecutor } = await install.load('pull-executor')
    harness = await ExecutorHarness.start({
      executorClass: PullExecutor,
      settings: { leaseMs: 1000 },
      apiUrl: api.url,
      folder,
    })
  })

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => stopWorker(worker, 'SIGTERM')))
  })

  it('offers a workload to a worker that polls, and hears how it ended', async () => {
    startWorker('w1')
    const [good, bad] = [shell('exit 0'), shell('exit 7')]
    harness.submit(good)
    harness.submit(bad)
    await eventually(() => harness.endOf(good) && harness.endOf(bad))
    expect(kindsOf(good)).toEqual(['accepted', 'running', 'ended'])
    expect(harness.endOf(bad)).toEqual({ kind: 'exited', exitCode: 7 })
  })

  it('refuses a worker without the credential', async () => {
    const { url } = harness.mount
    const answer = await fetch(`${url}/jobs/poll`, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(401)
  })

  it('offers a job again when the answer to a poll was lost, and it runs once', async () => {
    harness.loseAnswers = 1
    startWorker('w1')
    const workload = shell('exit 0')
    harness.submit(workload)
    await eventually(() => harness.endOf(workload))
    expect(runsOf(workload)).toBe(1)
    expect(kindsOf(workload)).toEqual(['accepted', 'running', 'ended'])
  })

  it('adopts jobs on offer and jobs in hand after a crash, while the worker goes on', async () => {
    startWorker('w1')
    const release = join(folder, 'release')
    const inHand = shell(`until [ -e ${release} ]; do sleep 0.02; done`)
    harness.submit(inHand)
    await eventually(() => kindsOf(inHand).includes('running'))
    await harness.crash()
    await harness.restart()
    expect(harness.notAdopted).toEqual([])
    spawn('touch', [release])
    await eventually(() => harness.endOf(inHand))
    expect(harness.endOf(inHand)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(runsOf(inHand)).toBe(1)
  })

  it('loses no end that a worker reports while the server is down', async () => {
    startWorker('w1')
    const release = join(folder, 'release')
    const workload = shell(`until [ -e ${release} ]; do sleep 0.02; done`)
    harness.submit(workload)
    await eventually(() => kindsOf(workload).includes('running'))
    await harness.crash()
    spawn('touch', [release])
    await eventually(() => api.granted.includes(`success ${workload.taskInstance.id}`))
    await harness.restart()
    await eventually(() => harness.endOf(workload))
    expect(harness.endOf(workload)).toEqual({ kind: 'exited', exitCode: 0 })
  })

  it('reports a started job as lost when its worker is killed', async () => {
    const worker = startWorker('w1')
    const workload = shell('sleep 5')
    harness.submit(workload)
    await eventually(() => kindsOf(workload).includes('running') && runsOf(workload) === 1)
    await stopWorker(worker, 'SIGKILL')
    await eventually(() => harness.endOf(workload))
    expect(harness.endOf(workload)).toEqual({ kind: 'lost', detail: 'worker w1 fell silent' })
  })

  it('takes a job off the offer, or off a worker, when it is revoked', async () => {
    const onOffer = shell('exit 0')
    harness.submit(onOffer)
    await eventually(() => kindsOf(onOffer).includes('accepted'))
    await harness.revoke(onOffer)
    startWorker('w1')
    const inHand = shell('sleep 60')
    harness.submit(inHand)
    await eventually(() => runsOf(inHand) === 1)
    await harness.revoke(inHand)
    expect(runsOf(onOffer)).toBe(0)
    expect([harness.endOf(onOffer), harness.endOf(inHand)]).toEqual([null, null])
    expect(harness.executor.slotsOccupied).toBe(0)
  })

  function startWorker(name: string): ChildProcess {
    const { url, token } = harness.mount
    const worker = spawn(process.execPath, [install.resolve('pull-executor/worker'), name], {
      env: { PATH: process.env['PATH'], PULL_URL: url, PULL_TOKEN: token, PULL_RUNNER: JSON.stringify(runner) },
      stdio: 'inherit',
    })
    workers.push(worker)
    return worker
  }
})

async function stopWorker(worker: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const closed = new Promise((resolve) => worker.on('close', resolve))
  worker.kill(signal)
  await closed
}
