import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { startFakeS3, type FakeS3 } from '../../testkit/fake-s3.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { freePort } from '../../testkit/free-port.ts'
import { RestClient } from '../../testkit/rest-client.ts'

/** A server whose executor hands over by reference, and what a test sees and does of its workers. */
export class FarServer {
  readonly #seen = new Set<string>()
  readonly #started: ChildProcess[] = []
  #parts: Parts | null = null

  get server(): FairleadServer {
    return this.#running.server
  }

  get client(): RestClient {
    return this.#running.client
  }

  get s3(): FakeS3 {
    return this.#running.s3
  }

  /** What the executor writes down, and where its workers keep what they fetch. */
  get folder(): string {
    return this.#running.folder
  }

  get #running(): Parts {
    if (this.#parts === null) throw new Error('The server is started before the first test.')
    return this.#parts
  }

  async start(): Promise<void> {
    this.#parts = await startParts()
  }

  async stop(): Promise<void> {
    await this.server.dispose()
    await this.s3.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The next hand-over of a task that was not asked for yet. */
  handedOver(taskId: string): Promise<HandOver> {
    return eventually(() => {
      for (const name of readdirSync(this.folder).filter((file) => file.endsWith('.json') && !this.#seen.has(file))) {
        const row = JSON.parse(readFileSync(join(this.folder, name), 'utf8')) as HandOver & { taskId: string }
        if (row.taskId !== taskId) continue
        this.#seen.add(name)
        return { dispatchId: name.replace('.json', ''), environment: row.environment }
      }
      return null
    })
  }

  /** What the worker that the executor started for a dispatch ended with. */
  exitCodeOf({ dispatchId }: HandOver): Promise<string> {
    const file = join(this.folder, `${dispatchId}.exit`)
    return eventually(() => (existsSync(file) ? readFileSync(file, 'utf8').trim() : ''))
  }

  /** What that worker has written so far. */
  outputOf({ dispatchId }: HandOver): string {
    return readFileSync(join(this.folder, `${dispatchId}.out`), 'utf8')
  }

  /** Runs a worker of the test's own, with a folder of its own unless it names one. */
  work(
    { environment, dispatchId }: HandOver,
    changes: Readonly<Record<string, string>> = {},
    cwd: string = ROOT,
  ): Promise<{ code: number | null; output: string }> {
    const own = { FAIRLEAD__WORKER__FOLDER: join(this.folder, `own-${dispatchId}`) }
    const env = { ...process.env, ...own, ...environment, ...changes }
    const child = spawn(process.execPath, [WORKER], { env, cwd, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#started.push(child)
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
  }

  /** Ends what a test that failed has left. */
  endWorkers(): void {
    for (const child of this.#started.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    }
  }
}

/** What a worker is told, and of which hand-over. */
export interface HandOver {
  readonly dispatchId: string
  readonly environment: Readonly<Record<string, string>>
}

/** Where the server looks for logs that it does not have. */
export const S3_URL = 's3://logs/of/tasks'

interface Parts {
  readonly server: FairleadServer
  readonly client: RestClient
  readonly s3: FakeS3
  readonly folder: string
}

/** Registers the server of a test file. */
export function serveFar(): FarServer {
  const far = new FarServer()
  beforeAll(() => far.start())
  afterEach(() => far.endWorkers())
  afterAll(() => far.stop())
  return far
}

async function startParts(): Promise<Parts> {
  const folder = mkdtempSync(join(tmpdir(), 'fl-far-'))
  const s3 = await startFakeS3()
  const server = new FairleadServer(
    { 'far.ts': DAG, 'words.txt': 'hello' },
    {
      // The same after a restart: workers know no other.
      FAIRLEAD__API__PORT: String(await freePort()),
      FAIRLEAD__EXECUTION_API__LOG_LIMIT: '200000',
      FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
      FAIRLEAD__LOGGING__REMOTE_BASE_LOG_FOLDER: S3_URL,
      ...s3.environment,
    },
  )
  symlinkSync(join(ROOT, 'node_modules'), join(server.folder, 'node_modules'))
  const executor = `${join(ROOT, 'tests/e2e/reference-executor/index.ts')}#ReferenceExecutor`
  const configuration = { executors: { far: { executor, settings: { folder, worker: WORKER } } } }
  writeFileSync(join(server.folder, 'fairlead.config.mjs'), `export default ${JSON.stringify(configuration)}\n`)
  await server.start()
  const password = readFileSync(join(server.home, 'keys/admin-password'), 'utf8').trim()
  const url = /http:\/\/[\d.:]+/.exec(server.log)?.[0] ?? ''
  const client = await RestClient.login(url, { username: 'admin', password })
  await client.eventuallyKnown('wordy')
  return { server, client, s3, folder }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WORKER = join(ROOT, 'packages/task-runner/dist/worker.cjs')

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

const counting = new Dag('counting', { isPausedUponCreation: false })
counting.task('counts', async () => {
  for (let count = 0; count < 1500; count++) {
    console.log('count ' + count)
    if (count % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 8))
  }
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
