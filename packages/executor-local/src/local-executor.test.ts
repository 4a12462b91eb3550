import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
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
})
afterEach(async () => {
  for (const executor of started.splice(0)) await executor.terminate()
  await api.close()
  rmSync(runFolder, { recursive: true, force: true })
})

const DAG = `
import { setTimeout as sleep } from 'node:timers/promises'
import { writeFileSync } from 'node:fs'
const dag = new Dag('demo')
dag.task('hello', () => 'hello')()
dag.task('wait', async () => { await sleep(600_000) })()
dag.task('block', () => { const end = Date.now() + 600_000; while (Date.now() < end); })()
dag.task('pid', () => process.pid)()
`

it('runs tasks as processes of their own and reports each end once', async () => {
  const { executor, host } = await startExecutor()
  const ids = ['hello', 'hello', 'pid'].map((taskId) => submit(executor, taskWorkload(taskId)))
  const exits = await Promise.all(ids.map((workload) => exitOf(host, workload)))
  expect(exits).toEqual(ids.map(() => ({ kind: 'exited', exitCode: 0 })))
  expect(host.events.filter(({ kind }) => kind === 'ended')).toHaveLength(3)
  expect(ids.map(({ taskInstance }) => api.states.get(taskInstance.id)?.map(({ state }) => state))).toEqual([
    ['success'],
    ['success'],
    ['success'],
  ])
})

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
  return readFileSync(join(runner.logFolder, logPath), 'utf8')
}
