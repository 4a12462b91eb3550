import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** Three executors of two classes at once, named in `fairlead.config.ts`, and chosen by Dag and by task. */

const CONFIG = `import { defineConfig } from 'fairlead'

export default defineConfig({
  executors: {
    general: { executor: 'LocalExecutor', parallelism: 4 },
    single: { executor: 'LocalExecutor', parallelism: 1, settings: { spares: 1 } },
    inside: { executor: 'DebugExecutor' },
  },
})
`

const DAG = `import { appendFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

function note(what: string): void {
  appendFileSync(String(getContext().conf['journal']), what + ' ' + getContext().taskId + '\\n')
}
async function work(): Promise<string> {
  note('begin')
  await new Promise((resolve) => setTimeout(resolve, 300))
  note('end')
  return getContext().taskId
}

const mixed = new Dag('mixed', { isPausedUponCreation: false, executor: 'general' })
const single = [1, 2, 3].map((index) => mixed.task('single_' + index, work, { executor: 'single' })())
const debug = mixed.task('debugged', work, { executor: 'inside' })()
const general = mixed.task('generally', work)()
mixed.task('together', ({ a, b, c }: { a: string; b: string; c: string }) => [a, b, c].join())({
  a: single[0], b: debug, c: general,
})

const plain = new Dag('plain', { isPausedUponCreation: false })
plain.task('only', work)()
`

const WRONG = `import { Dag } from 'fairlead'
const dag = new Dag('wrong')
dag.task('elsewhere', () => 1, { executor: 'nowhere' })()
`

let server: FairleadServer
let journal: string
beforeAll(async () => {
  server = new FairleadServer({ 'mixed.ts': DAG, 'wrong.ts': WRONG })
  // As installed: the configuration imports `defineConfig`.
  symlinkSync(join(process.cwd(), 'node_modules'), join(server.folder, 'node_modules'))
  writeFileSync(join(server.folder, 'fairlead.config.ts'), CONFIG)
  journal = join(server.folder, 'journal')
  writeFileSync(journal, '')
  await server.start()
})
afterAll(() => server.dispose())

const executors = async (dagId: string, runId: string): Promise<Record<string, string>> => {
  const rows = await server.json('tasks', 'states-for-dag-run', dagId, runId)
  return Object.fromEntries(
    (rows as ReadonlyArray<Record<string, string>>).map((row) => [row['task_id'], row['executor']]),
  )
}

it('runs each task of one run on the executor that it chose', async () => {
  const runId = await server.trigger('mixed', { journal })
  expect(await server.runEnd('mixed', runId)).toBe('success')
  expect(await executors('mixed', runId)).toEqual({
    single_1: 'single',
    single_2: 'single',
    single_3: 'single',
    debugged: 'inside',
    generally: 'general',
    together: 'general',
  })
})

it('never runs more on an executor than its parallelism, while the others go on', () => {
  let single = 0
  let others = 0
  let most = 0
  let overlap = false
  for (const line of readFileSync(journal, 'utf8').split('\n')) {
    const [what, taskId = ''] = line.split(' ')
    if (taskId.startsWith('single_')) single += what === 'begin' ? 1 : -1
    else others += what === 'begin' ? 1 : -1
    overlap ||= single > 0 && others > 0
    most = Math.max(most, single)
  }
  expect(most).toBe(1)
  expect(overlap).toBe(true)
})

it('takes the first one where neither task nor Dag chooses', async () => {
  const runId = await server.trigger('plain', { journal })
  expect(await server.runEnd('plain', runId)).toBe('success')
  expect(await executors('plain', runId)).toEqual({ only: 'general' })
})

it('refuses a Dag that chooses one that is not configured, naming those that are', async () => {
  const { stdout } = await server.run('dags', 'list-import-errors', '--output', 'json')
  expect(stdout).toMatch(/nowhere/)
  expect(stdout).toMatch(/wrong\.ts/)
  expect(stdout).toMatch(/general/)
})

it('runs one task instance on an executor that is asked for, and names those that can be asked', async () => {
  const runId = await server.trigger('plain', { journal })
  expect(await server.runEnd('plain', runId)).toBe('success')
  const refused = await server.run('tasks', 'run', 'plain', runId, 'only', '--executor', 'inside')
  expect(refused.exitCode).not.toBe(0)
  expect(refused.stderr).toMatch(/"inside" runs no task instance on demand.*general, single/s)
  const args = ['tasks', 'run', 'plain', runId, 'only', '--executor', 'single', '--wait']
  const { exitCode, stderr } = await server.run(...args)
  expect(exitCode, stderr).toBe(0)
  expect(await server.states('plain', runId)).toMatchObject([{ state: 'success', try_number: 2, executor: 'single' }])
  expect((await server.run('tasks', 'state', 'plain', runId, 'only')).stdout).toBe('success\n')
  expect(await server.runEnd('plain', runId)).toBe('success')
})
