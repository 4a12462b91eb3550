import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadServer } from '../testkit/fairlead-server.ts'
import { machine, watchForeignCpu } from './machine.ts'
import { measureFork } from './peers/fork.ts'
import { median, quantile, round, say, type SceneOptions } from './scene.ts'

const TASKS = 40
const TASK_MS = 200
/** The first tasks of a run meet a server that has just started. */
const WARM_UP = 3
const FORKS = 20

/** A chain of tasks under `fairlead standalone`, at most five a second: from the end of one to the code of the next. */
export async function latencyScene({ repeat }: SceneOptions): Promise<unknown> {
  const foreign = watchForeignCpu()
  const rounds: Array<{ p50: number; p99: number; fork: number }> = []
  for (let number = 1; number <= repeat; number += 1) {
    const fork = median(await measureFork(FORKS))
    const latencies = await measureChain()
    rounds.push({ p50: median(latencies), p99: quantile(latencies, 0.99), fork })
    say(`round ${number}: ${JSON.stringify(rounds.at(-1))}`)
  }
  const of = (figure: 'p50' | 'p99' | 'fork'): number => round(median(rounds.map((one) => one[figure])))
  return {
    scene: 'latency',
    repeat,
    isolatedP50Ms: of('p50'),
    isolatedP99Ms: of('p99'),
    peers: { coldForkMs: of('fork'), ratio: round(of('p50') / of('fork')) },
    machine: machine(),
    foreignCpu: foreign(),
  }
}

async function measureChain(): Promise<readonly number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-latency-'))
  const starts = join(folder, 'starts')
  const server = new FairleadServer({ 'chain.ts': chainDag(starts) })
  try {
    await server.start()
    await server.trigger('chain')
    // Looked at from outside: a command that asks the server would be most of its load.
    while (linesOf(starts).length < TASKS) await sleep(TASK_MS)
    await sleep(5 * TASK_MS)
    await server.kill('SIGTERM')
    return latenciesOf(linesOf(starts), storedEnds(server))
  } finally {
    await server.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** When each task ended, as the server has stored it. */
function storedEnds(server: FairleadServer): ReadonlyMap<string, number> {
  const rows = server.query<{ task_id: string; ended_at: number; state: string; try_number: number }>(
    'select task_id, ended_at, state, try_number from task_instance',
  )
  const isWrong = rows.some((row) => row.try_number !== 1 || row.state !== 'success')
  if (isWrong) throw new Error(`A task did not succeed at its first try.\n${server.log}`)
  return new Map(rows.map((row) => [row.task_id, row.ended_at]))
}

function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
}

function latenciesOf(lines: readonly string[], ends: ReadonlyMap<string, number>): readonly number[] {
  if (lines.length !== TASKS) throw new Error(`${lines.length} of ${TASKS} tasks started.`)
  return lines.slice(WARM_UP).map((line) => {
    const [index = 0, startedAt = 0] = line.split(' ').map(Number)
    return startedAt - (ends.get(`t${index - 1}`) ?? Number.NaN)
  })
}

function chainDag(path: string): string {
  return `import { appendFileSync } from 'node:fs'
import { Dag } from 'fairlead'
const dag = new Dag('chain', { isPausedUponCreation: false })
const step = (index: number) => async () => {
  const startedAt = performance.timeOrigin + performance.now()
  appendFileSync(${JSON.stringify(path)}, index + ' ' + startedAt + '\\n')
  await new Promise((resolve) => setTimeout(resolve, ${TASK_MS}))
}
let before = dag.task('t0', step(0))()
for (let index = 1; index < ${TASKS}; index++) {
  const task = dag.task('t' + index, step(index))()
  before.before(task)
  before = task
}
`
}
