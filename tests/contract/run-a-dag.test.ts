import { spawn, type ChildProcess } from 'node:child_process'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { FakeCloud } from './fake-cloud.ts'
import { installPacked, type PackedInstall } from './install-packed.ts'
import { RunningServer } from './running-server.ts'

/** Two executors that nobody here ships run one Dag together with the built-in one. */
const DAG = `
import { Dag } from 'fairlead'
import { existsSync } from 'node:fs'

const dag = new Dag('mixed', { isPausedUponCreation: false })
const extract = dag.task('extract', async () => {
  console.log('extracting in the cloud')
  return [1, 2, 3]
}, { executor: 'cloud' })
const sum = dag.task('sum', ({ rows }: { rows: number[] }) => rows.reduce((a, b) => a + b, 0), { executor: 'pull' })
const wait = dag.task('wait', async ({ total, release }: { total: number; release: string }) => {
  while (!existsSync(release)) await new Promise((resolve) => setTimeout(resolve, 20))
  return total * 2
}, { executor: 'cloud' })
const report = dag.task('report', ({ total }: { total: number }) => {
  console.log('the total is ' + total)
})

report({ total: wait({ total: sum({ rows: extract() }), release: RELEASE }) })
`

let install: PackedInstall
let cloud: FakeCloud
let server: RunningServer
let worker: ChildProcess | null = null
let release: string
let port: number

beforeAll(async () => {
  install = await installPacked(['fake-cloud-executor', 'pull-executor'], ['packages/sdk', 'packages/task-runner'])
  const runner = fileURLToPath(new URL('workload-runner.mjs', import.meta.url))
  await copyFile(runner, join(install.folder, 'workload-runner.mjs'))
})

afterAll(() => install.remove())

beforeEach(async () => {
  cloud = await new FakeCloud().listen()
  port = await freePort()
  const { folder } = install
  await rm(join(folder, '.fairlead'), { recursive: true, force: true })
  release = join(folder, 'release')
  await rm(release, { force: true })
  await mkdir(join(folder, 'dags'), { recursive: true })
  await writeFile(join(folder, 'dags/mixed.ts'), DAG.replace('RELEASE', JSON.stringify(release)))
  await writeFile(join(folder, 'fairlead.config.ts'), `export default ${JSON.stringify(configuration())}\n`)
  server = new RunningServer(folder)
})

afterEach(async () => {
  await server.stop()
  await stopWorker()
  await cloud.close()
})

it('runs one Dag on three executors, two of them packages from outside', async () => {
  cloud.loseAnswers = 1
  await server.start()
  await startWorker()
  await writeFile(release, '')
  const runId = await server.trigger('mixed')
  await server.until(async () => (await server.runState('mixed', runId)) !== 'running')
  const instances = await server.taskInstances('mixed', runId)
  const seen = Object.fromEntries(
    instances.map(({ task_id, state, try_number }) => [task_id, `${state} at try ${try_number}`]),
  )
  expect(seen).toEqual({
    extract: 'success at try 1',
    sum: 'success at try 1',
    wait: 'success at try 1',
    report: 'success at try 1',
  })
  expect(cloud.jobs).toHaveLength(2)
  expect(await server.log('mixed', runId, 'extract')).toContain('extracting in the cloud')
  expect(await server.log('mixed', runId, 'report')).toContain('the total is 12')
})

it('adopts what runs in the cloud when the server is killed and started again', async () => {
  await server.start()
  await startWorker()
  const runId = await server.trigger('mixed')
  await server.until(async () => {
    const instances = await server.taskInstances('mixed', runId)
    return instances.some(({ task_id, state }) => task_id === 'wait' && state === 'running')
  })
  await server.stop('SIGKILL')
  await server.start()
  await writeFile(release, '')
  await server.until(async () => (await server.runState('mixed', runId)) === 'success')
  const instances = await server.taskInstances('mixed', runId)
  expect(instances.map(({ try_number }) => try_number)).toEqual([1, 1, 1, 1])
  expect(cloud.jobs).toHaveLength(2)
})

it('holds the poll of a worker until there is work, and offers a job again that was never begun', async () => {
  await server.start()
  const poll = fetch(`${server.url}/executors/pull/jobs/poll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await server.workerCredential('pull')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ workerId: 'a worker that dies with the answer in hand', waitMs: 60_000 }),
  })
  await writeFile(release, '')
  const runId = await server.trigger('mixed')
  expect((await poll).status).toBe(200)
  await startWorker()
  await server.until(async () => (await server.runState('mixed', runId)) !== 'running')
  expect(await server.runState('mixed', runId)).toBe('success')
})

function configuration(): object {
  const runner = [process.execPath, join(install.folder, 'workload-runner.mjs')]
  return {
    core: { dagsFolder: './dags', dagsArePausedAtCreation: false },
    // Workers keep the address over a restart of the server.
    api: { port },
    executors: {
      local: { executor: 'LocalExecutor' },
      cloud: {
        executor: 'fake-cloud-executor#FakeCloudExecutor',
        settings: { cloudUrl: cloud.url, workerCommand: runner },
      },
      pull: { executor: './node_modules/pull-executor/dist/index.js#PullExecutor', settings: { leaseMs: 2000 } },
    },
  }
}

async function startWorker(): Promise<void> {
  const runner = [process.execPath, join(install.folder, 'workload-runner.mjs')]
  worker = spawn(process.execPath, [install.resolve('pull-executor/worker'), 'w1'], {
    cwd: install.folder,
    env: {
      PATH: process.env['PATH'],
      PULL_URL: `${server.url}/executors/pull`,
      PULL_TOKEN: await server.workerCredential('pull'),
      PULL_RUNNER: JSON.stringify(runner),
    },
    stdio: 'inherit',
  })
}

async function stopWorker(): Promise<void> {
  if (worker === null || worker.exitCode !== null || worker.signalCode !== null) return
  const closed = new Promise((resolve) => worker?.on('close', resolve))
  worker.kill('SIGTERM')
  await closed
  worker = null
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return free
}
