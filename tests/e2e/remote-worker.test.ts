import { spawn, type ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WORKER_ENVIRONMENT } from '@fairlead/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasOpenssl, startSpoilingProxy, startTlsProxy } from '../../testkit/api-proxies.ts'
import { eventually } from '../../testkit/eventually.ts'
import { startFakeS3, type FakeS3 } from '../../testkit/fake-s3.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { freePort } from '../../testkit/free-port.ts'
import { RestClient } from '../../testkit/rest-client.ts'

/** Workers that share no file with the server: they are told an id and a ticket, and fetch and send the rest. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const WORKER = join(root, 'packages/task-runner/dist/worker.cjs')
const LOG_LIMIT = 200_000
const S3_URL = 's3://logs/of/tasks'

const DAG = `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const untilThere = async (path: unknown) => {
  while (!existsSync(String(path))) await new Promise((resolve) => setTimeout(resolve, 20))
}
const dag = new Dag('far', { isPausedUponCreation: false })
const words = dag.task('read', () => {
  const text = readFileSync(new URL('./words.txt', import.meta.url), 'utf8')
  console.log('read ' + text + ' in ' + import.meta.url)
  return text
})()
dag.task('told', ({ text }: { text: string }) => {
  const ours = Object.keys(process.env).filter((name) => name.startsWith('FAIRLEAD__'))
  if (text !== 'hello' || ours.length > 0) throw new Error(text + ours.join())
})({ text: words })
dag.shell('shell', 'echo from the shell')()

const failing = new Dag('failing', { isPausedUponCreation: false })
failing.task('throws', () => { throw new RangeError('no such row') })()

const long = new Dag('long', { isPausedUponCreation: false })
long.task('waits', async () => {
  console.log('it begins')
  await untilThere(getContext().conf['go'])
  console.log('it goes on')
  return 'done'
})()

const held = new Dag('held', { isPausedUponCreation: false })
held.task('alone', async () => {
  console.log('it runs')
  if (getContext().conf['go'] !== undefined) await untilThere(getContext().conf['go'])
}, { queue: 'held' })()

const wordy = new Dag('wordy', { isPausedUponCreation: false })
wordy.task('speaks', () => {
  for (let line = 0; line < 4000; line++) console.log('line ' + line + ' ' + 'x'.repeat(80))
})()
`

let server: FairleadServer
let client: RestClient
let folder: string
let s3: FakeS3
const started: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fl-far-'))
  s3 = await startFakeS3()
  server = new FairleadServer(
    { 'far.ts': DAG, 'words.txt': 'hello' },
    {
      // The same after a restart: workers know no other.
      FAIRLEAD__API__PORT: String(await freePort()),
      FAIRLEAD__EXECUTION_API__LOG_LIMIT: String(LOG_LIMIT),
      FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
      FAIRLEAD__LOGGING__REMOTE_BASE_LOG_FOLDER: S3_URL,
      ...s3.environment,
    },
  )
  symlinkSync(join(root, 'node_modules'), join(server.folder, 'node_modules'))
  const executor = `${join(root, 'tests/e2e/reference-executor/index.ts')}#ReferenceExecutor`
  const configuration = { executors: { far: { executor, settings: { folder, worker: WORKER } } } }
  writeFileSync(join(server.folder, 'fairlead.config.mjs'), `export default ${JSON.stringify(configuration)}\n`)
  await server.start()
  const password = readFileSync(join(server.home, 'keys/admin-password'), 'utf8').trim()
  const url = /http:\/\/[\d.:]+/.exec(server.log)?.[0] ?? ''
  client = await RestClient.login(url, { username: 'admin', password })
  await client.eventuallyKnown('wordy')
})
afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
})
afterAll(async () => {
  await server.dispose()
  await s3.close()
  rmSync(folder, { recursive: true, force: true })
})

interface HandOver {
  readonly dispatchId: string
  readonly environment: Record<string, string>
}

const seen = new Set<string>()

/** The next hand-over of a task that was not asked for yet. */
function handedOver(taskId: string): Promise<HandOver> {
  return eventually(() => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.json') && !seen.has(file))) {
      const row = JSON.parse(readFileSync(join(folder, name), 'utf8')) as HandOver & { taskId: string }
      if (row.taskId !== taskId) continue
      seen.add(name)
      return { dispatchId: name.replace('.json', ''), environment: row.environment }
    }
    return null
  })
}

/** What the worker that the executor started for a dispatch ended with. */
const exitCodeOf = ({ dispatchId }: HandOver): Promise<string> =>
  eventually(() => {
    const file = join(folder, `${dispatchId}.exit`)
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  })

const outputOf = ({ dispatchId }: HandOver): string => readFileSync(join(folder, `${dispatchId}.out`), 'utf8')

/** Runs a worker of the test's own, with a folder of its own unless it names one. */
async function work(
  { environment, dispatchId }: HandOver,
  changes: Readonly<Record<string, string>> = {},
  cwd: string = root,
): Promise<{ code: number | null; output: string }> {
  const env = {
    ...process.env,
    FAIRLEAD__WORKER__FOLDER: join(folder, `own-${dispatchId}`),
    ...environment,
    ...changes,
  }
  const child = spawn(process.execPath, [WORKER], { env, cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
}

describe('a worker elsewhere', () => {
  it('fetches its task and its code, runs it and sends its log, which stays when the worker is gone', async () => {
    const runId = await client.trigger('far')
    expect(await client.runEnd('far', runId)).toBe('success')
    const handOver = await handedOver('read')
    expect(await exitCodeOf(handOver)).toBe('0')
    rmSync(join(folder, 'worker'), { recursive: true })
    const log = await client.logOf('far', runId, 'read')
    expect(log).toContain('read hello in')
    expect(log).toContain(join(folder, 'worker/bundles'))
    expect(await client.logOf('far', runId, 'shell')).toContain('from the shell')
    expect(outputOf(handOver)).toContain('read hello in')
    expect(outputOf(handOver)).not.toContain(handOver.environment[WORKER_ENVIRONMENT.ticket])
  })

  it('says by its exit code that the task failed', async () => {
    const runId = await client.trigger('failing')
    expect(await client.runEnd('failing', runId)).toBe('failed')
    expect(await exitCodeOf(await handedOver('throws'))).toBe('1')
    expect(await client.logOf('failing', runId, 'throws')).toContain('no such row')
  })

  it('ends its task when the run is cancelled', async () => {
    const runId = await client.trigger('long', { conf: { go: join(folder, 'never') } })
    const handOver = await handedOver('waits')
    await eventually(() => outputOf(handOver).includes('it begins'))
    const { exitCode, stderr } = await server.run('runs', 'cancel', 'long', runId, '--wait')
    expect(exitCode, stderr).toBe(0)
    expect(await exitCodeOf(handOver)).toBe('143')
    expect(await client.logOf('long', runId, 'waits')).toContain('it begins')
  })

  it('that its machine tells to stop ends its task and says so', async () => {
    const runId = await client.trigger('long', { conf: { go: join(folder, 'never') } })
    const handOver = await handedOver('waits')
    await eventually(() => outputOf(handOver).includes('it begins'))
    process.kill(Number(readFileSync(join(folder, `${handOver.dispatchId}.pid`), 'utf8')), 'SIGTERM')
    expect(await client.runEnd('long', runId)).toBe('failed')
    expect(await exitCodeOf(handOver)).toBe('143')
    const { stdout } = await server.run('tasks', 'explain', 'long', runId, 'waits')
    expect(stdout).toContain('shutdown')
    expect(await client.logOf('long', runId, 'waits')).toContain('the worker was told to stop')
  })

  it('sends as much of a log as the server keeps, and says that there is more', async () => {
    const runId = await client.trigger('wordy')
    expect(await client.runEnd('wordy', runId)).toBe('success')
    const handOver = await handedOver('speaks')
    expect(await exitCodeOf(handOver)).toBe('0')
    const log = await client.logOf('wordy', runId, 'speaks')
    expect(log).toContain('line 0 ')
    expect(log).toContain('the log is longer than the server keeps')
    expect(log).not.toContain('line 3999 ')
    expect(outputOf(handOver)).toContain('line 3999 ')
  })
})

describe('a worker with a ticket that is worth nothing', () => {
  it('begins nothing when another worker has redeemed it', async () => {
    await client.trigger('held')
    const handOver = await handedOver('alone')
    expect(await work(handOver)).toMatchObject({ code: 0 })
    const second = await work(handOver)
    expect(second.code).toBe(64)
    expect(second.output).toContain('"kind":"neverStarted"')
    expect(second.output).not.toContain('it runs')
  })

  it('begins nothing when another one is a moment before it', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    const workers = await Promise.all([work(handOver), work(handOver), work(handOver)])
    expect(workers.map(({ code }) => String(code)).toSorted()).toEqual(['0', '64', '64'])
    expect(workers.filter(({ output }) => output.includes('it runs'))).toHaveLength(1)
    expect(await client.runEnd('held', runId)).toBe('success')
  })

  it('begins nothing when its task was handed over anew', async () => {
    const runId = await client.trigger('held')
    const first = await handedOver('alone')
    await client.post('/api/v2/dags/held/clearTaskInstances', { dag_run_id: runId, only_failed: false, dry_run: false })
    const second = await handedOver('alone')
    const superseded = await work(first)
    expect(superseded.code).toBe(64)
    expect(superseded.output).not.toContain('it runs')
    expect((await work(second)).code).toBe(0)
    expect(await client.runEnd('held', runId)).toBe('success')
  })

  it('begins nothing with one of another hand-over', async () => {
    await client.trigger('held')
    await client.trigger('held')
    const [one, two] = [await handedOver('alone'), await handedOver('alone')]
    const ticket = two.environment[WORKER_ENVIRONMENT.ticket] ?? ''
    const wrong = await work(one, { [WORKER_ENVIRONMENT.ticket]: ticket })
    expect(wrong.code).toBe(64)
    expect(wrong.output).toContain('of another hand-over')
    expect(await Promise.all([work(one), work(two)])).toMatchObject([{ code: 0 }, { code: 0 }])
  })
})

describe('code that a machine has', () => {
  it('is fetched once by two workers that begin at once, and never again', async () => {
    const runs = [await client.trigger('held'), await client.trigger('held'), await client.trigger('held')]
    const [one, two, three] = [await handedOver('alone'), await handedOver('alone'), await handedOver('alone')]
    const shared = { FAIRLEAD__WORKER__FOLDER: join(folder, 'shared') }
    expect(await Promise.all([work(one, shared), work(two, shared)])).toMatchObject([{ code: 0 }, { code: 0 }])
    const [hash = '', ...others] = readdirSync(join(folder, 'shared/bundles'))
    expect([others, hash]).toEqual([[], expect.stringMatching(/^[0-9a-f]{64}$/)])
    const stored = join(server.home, 'bundles', hash)
    renameSync(stored, `${stored}-away`)
    try {
      expect(await work(three, shared)).toMatchObject({ code: 0 })
    } finally {
      renameSync(`${stored}-away`, stored)
    }
    for (const runId of runs) expect(await client.runEnd('held', runId)).toBe('success')
  })

  it('is not run when it is not what the server says it is', async () => {
    await client.trigger('held')
    const handOver = await handedOver('alone')
    const proxy = await startSpoilingProxy(handOver.environment[WORKER_ENVIRONMENT.apiUrl] ?? '')
    const spoilt = await work(handOver, { [WORKER_ENVIRONMENT.apiUrl]: proxy.url })
    proxy.close()
    expect(spoilt.code).toBe(64)
    expect(spoilt.output).toContain('has the SHA-256')
    expect(readdirSync(join(folder, `own-${handOver.dispatchId}/bundles`))).toEqual([])
    expect((await work(handOver)).code).toBe(0)
  })
})

describe('code that is not what its hash says', () => {
  it('is not run, also where the server has it so itself', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    const hashes = readdirSync(join(server.home, 'bundles')).filter((name) => /^[0-9a-f]{64}$/.test(name))
    const stored = hashes.map((hash) => join(server.home, 'bundles', hash, 'bundle.mjs'))
    const codes = stored.map((file) => readFileSync(file, 'utf8'))
    for (const [at, file] of stored.entries()) writeFileSync(file, `0;${codes[at] ?? ''}`)
    const spoilt = await work(handOver)
    for (const [at, file] of stored.entries()) writeFileSync(file, codes[at] ?? '')
    expect(spoilt).toMatchObject({ code: 64, output: expect.stringContaining('its content has the hash') as string })
    expect((await work(handOver)).code).toBe(0)
    expect(await client.runEnd('held', runId)).toBe('success')
  })
})

describe('a log that goes to S3', () => {
  const toS3 = () => ({ [WORKER_ENVIRONMENT.logUrl]: S3_URL, ...s3.environment })

  it('is written there, and read from there', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    expect(await work(handOver, toS3())).toMatchObject({ code: 0 })
    const [name = ''] = [...s3.objects.keys()].filter((key) => key.includes(runId))
    expect(name).toMatch(/^logs\/of\/tasks\/dag_id=held\/run_id=.*\/task_id=alone\/attempt=1\.log$/)
    const path = `/api/v2/dags/held/dagRuns/${runId}/taskInstances/alone/logs/1?full_content=true`
    const { content } = (await client.get(path)) as { content: Array<{ event: string }> }
    expect(content.map(({ event }) => event)).toEqual(['task started', 'it runs', 'task ended'])
    expect(existsSync(join(server.home, 'logs', name.replace('logs/of/tasks/', '')))).toBe(false)
  })

  it('and cannot be written costs the task nothing, and the reader is told why', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    s3.isForbidden = true
    const { code, output } = await work(handOver, toS3())
    const log = await client.logOf('held', runId, 'alone')
    s3.isForbidden = false
    expect(code).toBe(0)
    expect(output).toContain('"isLogSent":false')
    expect(output).toContain('it runs')
    expect(log).toContain('AccessDenied')
  })

  it('is refused before anything runs where the SDK is not installed', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    const { code, output } = await work(handOver, toS3(), folder)
    expect(code).toBe(64)
    expect(output).toContain('npm install @aws-sdk/client-s3')
    const other = await work(handOver, { [WORKER_ENVIRONMENT.logUrl]: 'ftp://logs' })
    expect(other).toMatchObject({ code: 64, output: expect.stringContaining('s3://bucket/prefix') as string })
    expect(await work(handOver)).toMatchObject({ code: 0 })
    expect(await client.runEnd('held', runId)).toBe('success')
  })
})

describe('an API behind TLS', () => {
  it.skipIf(!hasOpenssl())('is spoken to, by a worker that trusts its certificate (needs openssl)', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    const proxy = await startTlsProxy(handOver.environment[WORKER_ENVIRONMENT.apiUrl] ?? '', folder)
    const secure = { [WORKER_ENVIRONMENT.apiUrl]: proxy.url, FAIRLEAD__WORKER__LAUNCH_TIMEOUT: '0' }
    const distrusting = await work(handOver, secure)
    const trusting = await work(handOver, { ...secure, NODE_EXTRA_CA_CERTS: proxy.certificate })
    proxy.close()
    expect(distrusting).toMatchObject({ code: 65, output: expect.stringContaining('certificate') as string })
    expect(trusting).toMatchObject({ code: 0, output: expect.stringContaining('it runs') as string })
    expect(await client.runEnd('held', runId)).toBe('success')
  })
})

describe('without a server', () => {
  it('a worker waits for one before it begins', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    await server.kill('SIGKILL')
    const working = work(handOver)
    await server.start()
    expect((await working).code).toBe(0)
    expect(await client.runEnd('held', runId)).toBe('success')
  })

  it('a worker that has waited long enough says so, and its ticket is good for another', async () => {
    const runId = await client.trigger('held')
    const handOver = await handedOver('alone')
    await server.kill('SIGKILL')
    const gone = await work(handOver, { FAIRLEAD__WORKER__LAUNCH_TIMEOUT: '0.2' })
    expect(gone.code).toBe(65)
    expect(gone.output).toContain('"kind":"unreachable"')
    await server.start()
    expect((await work(handOver)).code).toBe(0)
    expect(await client.runEnd('held', runId)).toBe('success')
  })

  it('a task runs on, and its outcome and its log arrive', async () => {
    const go = join(folder, 'go-on')
    const runId = await client.trigger('long', { conf: { go } })
    const handOver = await handedOver('waits')
    await eventually(() => outputOf(handOver).includes('it begins'))
    await server.kill('SIGKILL')
    writeFileSync(go, '')
    await eventually(() => outputOf(handOver).includes('task ended'))
    await server.start()
    expect(await client.runEnd('long', runId)).toBe('success')
    expect(await exitCodeOf(handOver)).toBe('0')
    const log = await client.logOf('long', runId, 'waits')
    for (const line of ['it begins', 'it goes on', 'task ended']) expect(log.split(line)).toHaveLength(2)
  })
})
