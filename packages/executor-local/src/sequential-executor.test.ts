import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask } from '@fairlead/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { compileRunner, type CompiledRunner } from '../../../testkit/compiled-runner.ts'
import { eventually } from '../../../testkit/eventually.ts'
import { recordingHost, type RecordingHost } from '../../../testkit/executor-host.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from '../../../testkit/fake-execution-api.ts'
import { shellWorkload, taskWorkload } from '../../../testkit/workloads.ts'
import { SequentialExecutor } from './sequential-executor.ts'

let runner: CompiledRunner
let api: FakeExecutionApi
let host: RecordingHost
let runFolder: string
let executor: SequentialExecutor

beforeAll(async () => {
  runner = await compileRunner()
  runner.addBundle('demo', `new Dag('demo').task('parent', () => process.ppid)()`)
})
afterAll(() => runner.remove())
beforeEach(async () => {
  api = await startFakeExecutionApi()
  runFolder = mkdtempSync(join(tmpdir(), 'fairlead-sequential-'))
  executor = await startExecutor()
})
afterEach(async () => {
  await executor.terminate()
  await api.close()
  rmSync(runFolder, { recursive: true, force: true })
})

it('runs one task at a time, the most urgent first, however many slots it was configured with', async () => {
  const [low, high, middle] = [1, 9, 5].map((priorityWeight) => {
    const workload = shellWorkload('sleep 0.05')
    return { ...workload, taskInstance: { ...workload.taskInstance, priorityWeight } }
  }) as [ExecuteTask, ExecuteTask, ExecuteTask]
  for (const workload of [low, high, middle]) queue(workload)
  await eventually(() => pump() && idsOf('ended').length === 3)
  const order = host.events.filter(({ kind }) => kind !== 'accepted').map(({ kind, dispatchId }) => [kind, dispatchId])
  expect(order).toEqual(
    [high, middle, low].flatMap(({ taskInstance: { dispatchId } }) => [
      ['running', dispatchId],
      ['ended', dispatchId],
    ]),
  )
})

it('isolates its task: a process of its own, and not under this one', async () => {
  queue(taskWorkload('parent'))
  await eventually(() => pump() && idsOf('ended').length === 1)
  expect(api.xcoms.get('parent/return_value')).toEqual(expect.any(Number))
  expect(api.xcoms.get('parent/return_value')).not.toBe(process.pid)
})

it('leaves its task running when the server dies, and the next server adopts it', async () => {
  const workload = shellWorkload('sleep 600')
  queue(workload)
  await eventually(() => pump() && idsOf('running').length === 1)
  await executor.detach()
  executor = await startExecutor()
  expect(await executor.tryAdoptTaskInstances([workload.taskInstance], NEVER)).toEqual([])
  expect(executor.slotsAvailable).toBe(0)
  await executor.revokeTask(workload.taskInstance, NEVER)
  expect(executor.slotsAvailable).toBe(1)
})

const NEVER = new AbortController().signal

async function startExecutor(): Promise<SequentialExecutor> {
  const { childPath, workerHostPath, bundleFolder, logFolder } = runner
  const settings = { childPath, workerHostPath, killGraceMs: 200 }
  host = recordingHost({ apiUrl: api.url, runFolder, bundleFolder, logFolder, settings, parallelism: 32 })
  const started = new SequentialExecutor(host)
  await started.start()
  return started
}

function queue(workload: ExecuteTask): void {
  executor.queueWorkload(workload, { queue: 'default', executorConfig: undefined })
}

/** Gives it a turn, as dispatch does now and then. */
function pump(): true {
  void executor.processWorkloads(NEVER)
  return true
}

function idsOf(kind: 'running' | 'ended'): string[] {
  return host.events.filter((event) => event.kind === kind).map(({ dispatchId }) => dispatchId)
}
