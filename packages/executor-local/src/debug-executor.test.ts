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
import { DebugExecutor } from './debug-executor.ts'

let runner: CompiledRunner
let api: FakeExecutionApi
let host: RecordingHost
let runFolder: string
let executor: DebugExecutor

beforeAll(async () => {
  runner = await compileRunner()
  runner.addBundle('demo', `new Dag('demo').task('hello', () => process.ppid)()`)
})
afterAll(() => runner.remove())
beforeEach(async () => {
  api = await startFakeExecutionApi()
  runFolder = mkdtempSync(join(tmpdir(), 'fairlead-debug-'))
  const { bundleFolder, logFolder, childPath } = runner
  host = recordingHost({
    apiUrl: api.url,
    runFolder,
    bundleFolder,
    logFolder,
    settings: { childPath, killGraceMs: 200 },
  })
  executor = new DebugExecutor(host)
})
afterEach(async () => {
  await executor.terminate()
  await api.close()
  rmSync(runFolder, { recursive: true, force: true })
})

it('runs one task at a time under this very process', async () => {
  const workloads = [taskWorkload('hello'), shellWorkload('sleep 0.2'), taskWorkload('hello')]
  submit(...workloads)
  await eventually(() => pump() && ended().length === 3)
  expect(api.xcoms.get('hello/return_value')).toBe(process.pid)
  const order = host.events.filter(({ kind }) => kind !== 'accepted').map(({ kind, dispatchId }) => [kind, dispatchId])
  expect(order).toEqual(
    workloads.flatMap(({ taskInstance }) => [
      ['running', taskInstance.dispatchId],
      ['ended', taskInstance.dispatchId],
    ]),
  )
})

it('revokes the task that runs and goes on with the next', async () => {
  const [first, second] = [shellWorkload('sleep 600'), taskWorkload('hello')]
  submit(first, second)
  await eventually(() => host.events.some(({ kind }) => kind === 'running'))
  await executor.revokeTask(first.taskInstance)
  await eventually(() => pump() && ended().includes(second.taskInstance.dispatchId))
  expect(ended()).toEqual([second.taskInstance.dispatchId])
})

it('ends what runs when the server may wait no longer', async () => {
  submit(shellWorkload('sleep 600'))
  await eventually(() => host.events.some(({ kind }) => kind === 'running'))
  await executor.end(AbortSignal.abort())
  expect(host.events.at(-1)).toMatchObject({ kind: 'ended', exit: { kind: 'shutdown' } })
})

function submit(...workloads: readonly ExecuteTask[]): void {
  for (const workload of workloads) executor.queueWorkload(workload, { queue: 'default', executorConfig: undefined })
  pump()
}

/** Gives it a turn, as dispatch does now and then. */
function pump(): true {
  void executor.processWorkloads(new AbortController().signal)
  return true
}

function ended(): string[] {
  return host.events.filter(({ kind }) => kind === 'ended').map(({ dispatchId }) => dispatchId)
}
