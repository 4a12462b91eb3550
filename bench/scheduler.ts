import { setTimeout as sleep } from 'node:timers/promises'
import { chain, dagSpec } from '../testkit/dag-specs.ts'
import { openBenchWorld } from './bench-world.ts'
import { measureBlocked } from './blocked.ts'
import { machine, watchForeignCpu } from './machine.ts'
import { measureBullMq } from './peers/bullmq.ts'
import { median, round, say, type SceneOptions } from './scene.ts'

const TASKS_PER_RUN = 10
const MOST_DAGS = 1_000
const SLOTS = 512

interface Figures {
  readonly perSecond: number
  readonly statementsPerTask: number
  readonly cpuMsPerTask: number
  readonly rssMb: number
}

/** Chains of ten tasks, as many as asked for, on an executor that runs nothing; then the latency beside blocked tasks. */
export async function schedulerScene({ engine, repeat, sizes }: SceneOptions): Promise<unknown> {
  const foreign = watchForeignCpu()
  const rounds: Array<{ runs: Map<number, Figures>; bullMq: number | null }> = []
  for (let round = 1; round <= repeat; round += 1) {
    const runs = new Map<number, Figures>()
    for (const size of sizes) runs.set(size, await measure(engine, size))
    rounds.push({ runs, bullMq: await measureBullMq() })
    say(`round ${round}: ${JSON.stringify([...runs])} bullmq ${rounds.at(-1)?.bullMq}`)
  }
  const blocked = await measureBlocked(engine)
  const of = (size: number, figure: keyof Figures): number =>
    round(median(rounds.map(({ runs }) => runs.get(size)?.[figure] ?? Number.NaN)))
  const perSecond = Object.fromEntries(sizes.map((size) => [String(size), of(size, 'perSecond')]))
  const peers = rounds.flatMap(({ bullMq }) => bullMq ?? [])
  const bullMqPerSecond = peers.length === 0 ? null : round(median(peers))
  return {
    scene: 'scheduler',
    database: engine,
    repeat,
    perSecond,
    blockedRatio: blocked.worstRatio,
    statementsPerTask: of(sizes.at(-1) ?? 0, 'statementsPerTask'),
    cpuMsPerTask: Object.fromEntries(sizes.map((size) => [String(size), of(size, 'cpuMsPerTask')])),
    rssMb: Object.fromEntries(sizes.map((size) => [String(size), of(size, 'rssMb')])),
    costGrowth: growth(sizes, (size) => of(size, 'perSecond')),
    blocked,
    peers: {
      bullMqPerSecond,
      ratio: bullMqPerSecond === null ? null : round((perSecond[String(sizes[0])] ?? 0) / bullMqPerSecond),
      ...(bullMqPerSecond === null ? { why: 'there is no redis-server on the PATH' } : {}),
    },
    machine: machine(),
    foreignCpu: foreign(),
  }
}

/** Cost of a task in each size over that in the smaller one before it. */
function growth(sizes: readonly number[], perSecond: (size: number) => number): Record<string, number> {
  return Object.fromEntries(
    sizes.slice(1).map((size, index) => {
      const before = sizes[index] ?? size
      return [`${size}/${before}`, round(perSecond(before) / perSecond(size))]
    }),
  )
}

async function measure(engine: SceneOptions['engine'], size: number): Promise<Figures> {
  const world = await openBenchWorld(engine, [{ name: 'noop', parallelism: SLOTS, play: () => 'success' }])
  const runs = size / TASKS_PER_RUN
  const dags = Math.min(runs, MOST_DAGS)
  await world.register(Array.from({ length: dags }, (_, index) => dagSpec(`dag${index}`, chain(TASKS_PER_RUN))))
  for (let run = 0; run < runs; run += 1) await world.trigger(`dag${run % dags}`, `run${run}`)
  const executor = world.executors.get('noop')
  const statements = world.database.statementCount
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  world.start()
  while ((executor?.settled ?? 0) < size) await sleep(2)
  const elapsedMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpu)
  const figures = {
    perSecond: (size / elapsedMs) * 1000,
    statementsPerTask: (world.database.statementCount - statements) / size,
    cpuMsPerTask: (user + system) / 1000 / size,
    rssMb: process.memoryUsage.rss() / 2 ** 20,
  }
  await refuseUnfinished(world.database)
  await world.close()
  return figures
}

async function refuseUnfinished(database: Awaited<ReturnType<typeof openBenchWorld>>['database']): Promise<void> {
  const left = await database.read.selectFrom('dag_run').select('run_id').where('state', '<>', 'success').execute()
  if (left.length > 0) throw new Error(`${left.length} runs did not succeed.`)
}
