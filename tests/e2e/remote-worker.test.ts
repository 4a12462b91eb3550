import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { freePort } from '../../testkit/free-port.ts'

/** Workers that share no file with the server: they are told an id and a ticket, and fetch and send the rest. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const WORKER = join(root, 'packages/task-runner/dist/worker.cjs')

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
let folder: string
let apiPort = 0
const started: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fl-far-'))
  apiPort = await freePort()
  server = new FairleadServer(
    { 'far.ts': DAG, 'words.txt': 'hello' },
    { FAIRLEAD__API__PORT: String(apiPort), FAIRLEAD__EXECUTION_API__LOG_LIMIT: '200000' },
  )
  symlinkSync(join(root, 'node_modules'), join(server.folder, 'node_modules'))
  const executor = `${join(root, 'tests/e2e/reference-executor/index.ts')}#ReferenceExecutor`
  const settings = { folder, worker: WORKER }
  writeFileSync(
    join(server.folder, 'fairlead.config.mjs'),
    `export default ${JSON.stringify({ executors: { far: { executor, settings } } })}\n`,
  )
  await server.start()
})
afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
})
afterAll(async () => {
  await server.dispose()
  rmSync(folder, { recursive: true, force: true })
})

interface HandOver {
  readonly dispatchId: string
  readonly environment: Record<string, string>
}

/** What the executor has handed over for a task since the last call. */
const seen = new Set<string>()
function handedOver(taskId: string): Promise<HandOver> {
  return eventually(() => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
      const row = JSON.parse(readFileSync(join(folder, name), 'utf8')) as HandOver & { taskId: string }
      if (seen.has(name) || row.taskId !== taskId) continue
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

/** Runs a worker of our own; answers how it ended and what it wrote. */
function work(environment: Readonly<Record<string, string>>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [WORKER], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
}

const logOf = async (dagId: string, runId: string, taskId: string): Promise<string> =>
  (await server.run('tasks', 'logs', dagId, runId, taskId)).stdout

describe('a worker elsewhere', () => {
  it('fetches its task and its code, runs it and sends its log, which stays when the worker is gone', async () => {
    const runId = await server.trigger('far')
    expect(await server.runEnd('far', runId)).toBe('success')
    const handOver = await handedOver('read')
    expect(await exitCodeOf(handOver)).toBe('0')
    rmSync(join(folder, 'worker'), { recursive: true })
    const log = await logOf('far', runId, 'read')
    expect(log).toContain('read hello in')
    expect(log).toContain(join(folder, 'worker/bundles'))
    expect(await logOf('far', runId, 'shell')).toContain('from the shell')
    expect(readFileSync(join(folder, `${handOver.dispatchId}.out`), 'utf8')).toContain('read hello in')
  })

  it('says by its exit code that the task failed', async () => {
    const runId = await server.trigger('failing')
    expect(await server.runEnd('failing', runId)).toBe('failed')
    expect(await exitCodeOf(await handedOver('throws'))).toBe('1')
    expect(await logOf('failing', runId, 'throws')).toContain('no such row')
  })

  it('begins nothing with a ticket that somebody else has redeemed', async () => {
    await server.trigger('held')
    const { environment } = await handedOver('alone')
    const own = { ...environment, FAIRLEAD__WORKER__FOLDER: join(folder, 'worker') }
    expect(await work(own)).toMatchObject({ code: 0 })
    const second = await work(own)
    expect(second.code).toBe(64)
    expect(second.output).toContain('refused')
  })
})
