import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** The server dies while two local executors are full; meanwhile some of what they run ends, is killed, or loses its host. */

const DAG = `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('ages', { isPausedUponCreation: false, executor: 'local' })
const body = async () => {
  const { conf, taskId, tryNumber } = getContext()
  const say = (what) => appendFileSync(conf.journal, [what, taskId, tryNumber, process.pid].join(' ') + '\\n')
  say('begin')
  while (!existsSync(conf.go + '-' + taskId)) await new Promise((resolve) => setTimeout(resolve, 20))
  say('end')
}
const first = { priorityWeight: 10 }
for (const id of ['old', 'young', 'ends', 'killed']) dag.task(id, body, first)()
for (const id of ['waits1', 'waits2', 'waits3']) dag.task(id, body)()
dag.task('kept', body, { executor: 'other' })()
dag.task('orphaned', body, { executor: 'third', retries: 1, retryDelay: { seconds: 0 } })()
`

const CONFIG = `const local = (parallelism) => ({ executor: 'LocalExecutor', parallelism, settings: { heartbeatIntervalMs: 500 } })
export default { executors: { local: local(4), other: local(2), third: local(2) } }
`

let server: FairleadServer
let journal: string
beforeEach(async () => {
  server = new FairleadServer({ 'ages.ts': DAG }, { FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1' })
  writeFileSync(join(server.folder, 'fairlead.config.ts'), CONFIG)
  journal = join(server.folder, 'journal')
  appendFileSync(journal, '')
  await server.start()
})
afterEach(() => server.dispose())

it('adopts what still runs, hears what ended meanwhile, and starts nothing twice', async () => {
  const runId = await server.trigger('ages', { journal, go: join(server.folder, 'go') })
  await eventually(() => begun().length === 6, { timeoutMs: 30_000 })
  expect(begun()).toEqual(['ends 1', 'kept 1', 'killed 1', 'old 1', 'orphaned 1', 'young 1'])
  const host = JSON.parse(readFileSync(join(server.home, 'run/third/host.json'), 'utf8')) as { pid: number }
  await server.kill('SIGKILL')

  release('ends')
  await eventually(() => said('end').includes('ends 1'))
  process.kill(pidOf('killed'), 'SIGKILL')
  process.kill(host.pid, 'SIGKILL')
  await eventually(() => !isAlive(pidOf('orphaned')))
  await server.start()

  // Two slots of four are free again, and no more: the two that run hold theirs from before.
  await eventually(() => begun().filter((task) => task.startsWith('waits')).length === 2, { timeoutMs: 30_000 })
  await eventually(() => begun().includes('orphaned 2'), { timeoutMs: 30_000 })
  const [waiting] = ['waits1', 'waits2', 'waits3'].filter((task) => !begun().includes(`${task} 1`))
  const explained = (await server.json('tasks', 'explain', 'ages', runId, waiting ?? '')) as { gate: string }
  expect(explained.gate).toBe('executor_full')
  expect(['old', 'young', 'kept'].map((task) => isAlive(pidOf(task)))).toEqual([true, true, true])

  for (const task of ['old', 'young', 'kept', 'orphaned', 'waits1', 'waits2', 'waits3']) release(task)
  expect(await server.runEnd('ages', runId)).toBe('failed')
  const states = await server.states('ages', runId)
  expect(Object.fromEntries(states.map((row) => [row.task_id, `${row.state} ${row.try_number}`]))).toEqual({
    old: 'success 1',
    young: 'success 1',
    ends: 'success 1',
    killed: 'failed 1',
    kept: 'success 1',
    orphaned: 'success 2',
    waits1: 'success 1',
    waits2: 'success 1',
    waits3: 'success 1',
  })
  expect(begun()).toEqual([...new Set(begun())])
  await server.kill('SIGTERM')
  const left = server.query<{ live: number }>(`select count(*) as live from dispatch`)
  expect(left).toEqual([{ live: 0 }])
})

function lines(): ReadonlyArray<readonly string[]> {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
}

/** Each task and try of which something was said, sorted. */
function said(wanted: string): string[] {
  return lines()
    .flatMap(([what, task, tryNumber]) => (what === wanted ? [`${task} ${tryNumber}`] : []))
    .toSorted()
}

function begun(): string[] {
  return said('begin')
}

function pidOf(wanted: string): number {
  return Number(lines().find(([what, task]) => what === 'begin' && task === wanted)?.[3])
}

function release(task: string): void {
  writeFileSync(join(server.folder, `go-${task}`), '')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
