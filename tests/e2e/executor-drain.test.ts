import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** Executors that ail and recover, and drains, with a real server and real processes. */

const CONFIG = `import { defineConfig } from 'fairlead'

export default defineConfig({
  executors: {
    a: { executor: 'LocalExecutor', parallelism: 1 },
    b: { executor: 'LocalExecutor', parallelism: 2 },
    moody: { executor: './executors/moody.ts#MoodyExecutor', parallelism: 2 },
  },
})
`

const MOODY = `import { existsSync } from 'node:fs'
import { LocalExecutor } from '@fairlead/executor-local'

/** Starts no sooner than a file is there. */
export class MoodyExecutor extends LocalExecutor {
  override async start(): Promise<void> {
    if (!existsSync(process.env['MOODY_FILE'] ?? '')) throw new Error('the machine is not there yet')
    await super.start()
  }
}
`

/** Each try notes its process, and whether another one of its task is alive; then it waits to be let end. */
const DAG = `import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
async function work(): Promise<void> {
  const { taskId, conf } = getContext()
  const journal = String(conf['journal'])
  const others = readFileSync(journal, 'utf8').split('\\n').filter((line) => line.startsWith(taskId + ' '))
  const living = others.filter((line) => alive(Number(line.split(' ')[1])))
  appendFileSync(journal, taskId + ' ' + process.pid + ' ' + living.length + '\\n')
  while (!existsSync(String(conf['go']))) await new Promise((resolve) => setTimeout(resolve, 20))
}

const two = new Dag('two', { isPausedUponCreation: false, executor: 'a' })
two.task('first', work)()
two.task('second', work)()

const mixed = new Dag('mixed', { isPausedUponCreation: false })
mixed.task('here', work, { executor: 'b' })()
mixed.task('there', work, { executor: 'moody' })()
`

let server: FairleadServer
let journal: string
let go: string
let moodyFile: string

beforeEach(() => {
  server = new FairleadServer({ 'dags.ts': DAG })
  symlinkSync(join(process.cwd(), 'node_modules'), join(server.folder, 'node_modules'))
  writeFileSync(join(server.folder, 'fairlead.config.ts'), CONFIG)
  mkdirSync(join(server.folder, 'executors'))
  writeFileSync(join(server.folder, 'executors', 'moody.ts'), MOODY)
  moodyFile = join(server.folder, 'moody')
  go = join(server.folder, 'go')
  journal = join(server.folder, 'journal')
  writeFileSync(journal, '')
})
afterEach(() => server.dispose())

const start = (env: Record<string, string> = {}): Promise<void> => server.start({ MOODY_FILE: moodyFile, ...env })

interface Listed {
  readonly name: string
  readonly status: string
  readonly reason: string | null
  readonly running: number
  readonly queued: number
  readonly waiting: number
}
const executor = async (name: string): Promise<Listed> => {
  const all = (await server.json('executors', 'list')) as Listed[]
  const found = all.find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no executor ${name}.`)
  return found
}
const tries = async (dagId: string, runId: string) => {
  const rows = (await server.json('tasks', 'states-for-dag-run', dagId, runId)) as Array<Record<string, unknown>>
  return rows.map((row) => [row['task_id'], row['state'], row['executor']])
}
const begun = (): string[][] =>
  readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
const letEnd = (): void => writeFileSync(go, '')
const conf = () => ({ journal, go })

describe('an executor whose start fails', () => {
  it('is shown with the reason, holds up nobody else, and recovers by itself', async () => {
    await start()
    letEnd()
    const runId = await server.trigger('mixed', conf())
    await eventually(
      async () => (await tries('mixed', runId)).some(([id, state]) => id === 'here' && state === 'success'),
      { timeoutMs: 30_000, everyMs: 200 },
    )
    expect(await executor('moody')).toMatchObject({
      status: 'degraded',
      reason: 'start: the machine is not there yet',
      waiting: 1,
    })
    const { stdout } = await server.run('tasks', 'explain', 'mixed', runId, 'there')
    expect(stdout).toContain('Executor "moody" takes no work: start: the machine is not there yet.')
    writeFileSync(moodyFile, '')
    expect(await server.runEnd('mixed', runId, 90_000)).toBe('success')
    expect(await executor('moody')).toMatchObject({ status: 'healthy', last_failure: { method: 'start' } })
  })
})

describe('a drain', () => {
  it('moves what waits to another instance of the class, lets finish what runs, and ends by undrain', async () => {
    await start()
    const runId = await server.trigger('two', conf())
    await eventually(() => begun().length === 1, { timeoutMs: 30_000 })
    await eventually(async () => (await executor('a')).running === 1, { everyMs: 200 })
    const running = begun()[0]?.[0]
    expect((await server.run('executors', 'drain', 'a', '--to', 'b')).exitCode).toBe(0)
    await eventually(() => begun().length === 2, { timeoutMs: 30_000 })
    expect(await executor('a')).toMatchObject({ status: 'draining', running: 1, waiting: 0 })
    letEnd()
    expect(await server.runEnd('two', runId)).toBe('success')
    const ends = await tries('two', runId)
    expect(new Map(ends.map(([id, , where]) => [id, where])).get(running)).toBe('a')
    expect(ends.map(([, , where]) => String(where)).toSorted((one, two) => one.localeCompare(two))).toEqual(['a', 'b'])
    const drained = await server.run('executors', 'drain', 'a', '--to', 'b', '--wait', '--output', 'json')
    expect(JSON.parse(drained.stdout)).toMatchObject({ is_done: true, moved: 1, running: 0 })
    expect((await server.run('executors', 'undrain', 'a')).exitCode).toBe(0)
    expect(await executor('a')).toMatchObject({ status: 'healthy' })
  })

  it('without another executor lets work wait, and says why', async () => {
    await start()
    expect((await server.run('executors', 'drain', 'a')).exitCode).toBe(0)
    letEnd()
    const runId = await server.trigger('two', conf())
    await eventually(
      async () => /it is draining/.test((await server.run('tasks', 'explain', 'two', runId, 'first')).stdout),
      { timeoutMs: 30_000, everyMs: 200 },
    )
    expect(begun()).toEqual([])
    await server.run('executors', 'undrain', 'a')
    expect(await server.runEnd('two', runId)).toBe('success')
  })

  it('with its flag moves what runs, and never has two processes of a task alive', async () => {
    await start()
    const runId = await server.trigger('two', conf())
    await eventually(() => begun().length === 1, { timeoutMs: 30_000 })
    const [taskId, firstPid] = begun()[0] ?? []
    const drained = await server.run('executors', 'drain', 'a', '--to', 'b', '--move-running', '--wait')
    expect(drained.stdout + drained.stderr).toContain('running 0')
    expect(existsSync(`/proc/${firstPid}`)).toBe(false)
    await eventually(() => begun().filter(([id]) => id === taskId).length === 2, { timeoutMs: 30_000 })
    letEnd()
    expect(await server.runEnd('two', runId)).toBe('success')
    expect(begun().map(([, , living]) => living)).toEqual(['0', '0', '0'])
    expect((await tries('two', runId)).map(([, state, where]) => [state, where])).toEqual([
      ['success', 'b'],
      ['success', 'b'],
    ])
  })

  it.each([
    'drain.beforeMove:1',
    'drain.afterMove:1',
    'stop.beforeRevoke:1',
    'stop.beforeSettle:1',
    'stop.afterSettle:1',
  ])('is gone on with after kill -9 at %s', async (fault) => {
    await start({ FAIRLEAD_FAULT: fault })
    const runId = await server.trigger('two', conf())
    await eventually(() => begun().length === 1, { timeoutMs: 30_000 })
    // The server may be gone before it has answered.
    await server.run('executors', 'drain', 'a', '--to', 'b', '--move-running')
    await server.ended
    await start()
    await eventually(
      async () => (await tries('two', runId)).every(([, state, where]) => state === 'running' && where === 'b'),
      { timeoutMs: 60_000, everyMs: 300 },
    )
    letEnd()
    expect(await server.runEnd('two', runId)).toBe('success')
    expect(begun().every(([, , living]) => living === '0')).toBe(true)
  })
})
