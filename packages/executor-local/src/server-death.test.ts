import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecuteTask } from '@fairlead/protocol'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { compileRunner, type CompiledRunner } from '../../../testkit/compiled-runner.ts'
import { eventually } from '../../../testkit/eventually.ts'
import { recordingHost, type RecordingHost } from '../../../testkit/executor-host.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from '../../../testkit/fake-execution-api.ts'
import { taskWorkload } from '../../../testkit/workloads.ts'
import { LocalExecutor } from './local-executor.ts'

let runner: CompiledRunner
let api: FakeExecutionApi
let runFolder: string
let server: ChildProcess | null = null
let executor: LocalExecutor | null = null

beforeAll(async () => {
  runner = await compileRunner()
  runner.addBundle('demo', DAG)
  await build({
    stdin: { contents: SERVER, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    outfile: join(runner.folder, 'server.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    conditions: ['@fairlead/source'],
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
  })
})
afterAll(() => runner.remove())
beforeEach(async () => {
  api = await startFakeExecutionApi()
  runFolder = mkdtempSync(join(tmpdir(), 'fairlead-death-'))
})
afterEach(async () => {
  server?.kill('SIGKILL')
  await executor?.terminate()
  await api.close()
  rmSync(runFolder, { recursive: true, force: true })
})

const DAG = `
import { setTimeout as sleep } from 'node:timers/promises'
import { existsSync } from 'node:fs'
const dag = new Dag('demo')
dag.task('steps', async () => {
  console.log('before')
  while (!existsSync(process.env.RELEASE_FILE)) await sleep(5)
  console.log('after')
  return 'whole'
})()
`

const SERVER = `
import { recordingHost } from '../../../testkit/executor-host.ts'
import { LocalExecutor } from './local-executor.ts'
const { workload, ...given } = JSON.parse(process.argv[2])
const executor = new LocalExecutor(recordingHost(given))
void executor.start().then(async () => {
  executor.queueWorkload(workload, { queue: 'default', executorConfig: undefined })
  await executor.processWorkloads(new AbortController().signal)
})
`

it.each(['while its task runs', 'while its task settles'])(
  'a server that is killed %s loses and repeats nothing',
  async (moment) => {
    const workload = taskWorkload('steps')
    startServer(workload)
    await eventually(() => api.requests.some(({ path }) => path.endsWith('/run')))
    if (moment === 'while its task settles') {
      await api.goDown()
      release()
      await eventually(() => existsSync(journalPath()))
    }
    server?.kill('SIGKILL')
    await eventually(() => server?.signalCode === 'SIGKILL')
    release()
    if (moment === 'while its task settles') await api.comeUp()

    const host = startHost()
    executor = new LocalExecutor(host)
    await executor.start()
    expect(await executor.tryAdoptTaskInstances([workload.taskInstance], new AbortController().signal)).toEqual([])
    await eventually(() => host.events.some(({ kind }) => kind === 'ended'))
    expect(host.events.filter(({ kind }) => kind === 'ended')).toMatchObject([
      { exit: { kind: 'exited', exitCode: 0 } },
    ])
    expect(api.requests.filter(({ path }) => path.endsWith('/run'))).toHaveLength(1)
    expect(api.states.get(workload.taskInstance.id)).toMatchObject([{ state: 'success' }])
    expect(api.xcoms.get('steps/return_value')).toBe('whole')
  },
)

function startServer(workload: ExecuteTask): void {
  const { apiUrl, bundleFolder, logFolder, settings } = startHost()
  const given = JSON.stringify({ apiUrl, runFolder, bundleFolder, logFolder, settings, workload })
  const env = { ...process.env, RELEASE_FILE: join(runFolder, 'release') }
  server = spawn(process.execPath, [join(runner.folder, 'server.cjs'), given], { env, stdio: 'inherit' })
}

function startHost(): RecordingHost {
  const { childPath, workerHostPath, bundleFolder, logFolder } = runner
  const settings = { childPath, workerHostPath, killGraceMs: 300 }
  return recordingHost({ apiUrl: api.url, runFolder, bundleFolder, logFolder, settings })
}

function release(): void {
  writeFileSync(join(runFolder, 'release'), '')
}

function journalPath(): string {
  return join(runFolder, 'journal.ndjson')
}
