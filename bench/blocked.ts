import { setTimeout as sleep } from 'node:timers/promises'
import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import { dagSpec, taskSpec } from '../testkit/dag-specs.ts'
import { openBenchWorld, type BenchWorld } from './bench-world.ts'
import { median, quantile, round, say, type SceneOptions } from './scene.ts'

const BLOCKED = 10_000
const SAMPLES = 60
const EVERY_MS = 50
const WARM_UP = 10

/** Latency of a ready task beside nothing, and beside blocked ones. */
export interface BlockedFigures {
  readonly aloneMs: { readonly p50: number; readonly p99: number }
  readonly besideMs: Record<string, { readonly p50: number; readonly p99: number }>
  readonly ratios: Record<string, number>
  readonly worstRatio: number
}

/** What holds the blocked tasks, and the Dag whose runs they are. */
const WAYS: Record<string, { readonly dag: DagSpec; readonly runs: number }> = {
  upstream: { dag: dagSpec('blocked', fan('never', null)), runs: 10 },
  executor: {
    dag: dagSpec('blocked', wide('full'), { maxActiveTasks: BLOCKED, maxActiveRuns: 100 }),
    runs: 10,
  },
  maxActiveTasks: { dag: dagSpec('blocked', wide('never'), { maxActiveTasks: 1 }), runs: 10 },
}

/** One ready task every 50 ms: from the commit that makes it ready until its executor has it. */
export async function measureBlocked(engine: SceneOptions['engine']): Promise<BlockedFigures> {
  const alone = await measureBeside(engine, null)
  const besideMs: Record<string, { p50: number; p99: number }> = {}
  for (const [name, way] of Object.entries(WAYS)) {
    besideMs[name] = summary(await measureBeside(engine, way))
    say(`beside ${BLOCKED} blocked by ${name}: ${JSON.stringify(besideMs[name])}`)
  }
  const aloneMs = summary([...alone, ...(await measureBeside(engine, null))])
  say(`alone: ${JSON.stringify(aloneMs)}`)
  const ratios = Object.fromEntries(Object.entries(besideMs).map(([name, { p50 }]) => [name, round(p50 / aloneMs.p50)]))
  return { aloneMs, besideMs, ratios, worstRatio: Math.max(...Object.values(ratios)) }
}

function summary(latencies: readonly number[]): { p50: number; p99: number } {
  return { p50: round(median(latencies)), p99: round(quantile(latencies, 0.99)) }
}

function wide(executor: string): readonly TaskSpec[] {
  return Array.from({ length: BLOCKED / 10 }, (_, index) => taskSpec(`t${index}`, { executor }))
}

/** One task that never ends, and what waits for it. */
function fan(executor: string, queue: string | null): readonly TaskSpec[] {
  const waiting = Array.from({ length: BLOCKED / 10 }, (_, index) => taskSpec(`t${index}`, { upstream: ['root'] }))
  return [taskSpec('root', { executor, queue: queue ?? 'default' }), ...waiting]
}

async function measureBeside(
  engine: SceneOptions['engine'],
  way: { readonly dag: DagSpec; readonly runs: number } | null,
): Promise<readonly number[]> {
  const world = await openBenchWorld(engine, [
    { name: 'noop', parallelism: 32, play: () => 'success' },
    { name: 'full', parallelism: 1, play: () => 'never' },
    { name: 'never', parallelism: 32, play: () => 'never' },
  ])
  await world.register([dagSpec('ready', [taskSpec('only')], { maxActiveRuns: 1_000 })])
  world.start()
  if (way !== null) await block(world, way)
  const latencies: number[] = []
  for (let sample = 0; sample < WARM_UP + SAMPLES; sample += 1) {
    await sleep(EVERY_MS)
    const latency = await measureOne(world, `ready${sample}`)
    if (sample >= WARM_UP) latencies.push(latency)
  }
  await world.close()
  return latencies
}

async function block(world: BenchWorld, way: { readonly dag: DagSpec; readonly runs: number }): Promise<void> {
  await world.register([way.dag])
  for (let run = 0; run < way.runs; run += 1) await world.trigger(way.dag.dagId, `blocked${run}`)
  for (;;) {
    const { read } = world.database
    const left = await read.selectFrom('dag_run').select('run_key').where('state', '=', 'queued').execute()
    const claimed = await read.selectFrom('dispatch').select('dispatch_id').execute()
    if (left.length === 0 && claimed.length > 0) break
    await sleep(20)
  }
  await sleep(500)
}

async function measureOne(world: BenchWorld, runId: string): Promise<number> {
  const executor = world.executors.get('noop')
  if (executor === undefined) throw new Error('There is no executor "noop".')
  const arrived = new Promise<number>((resolve) => {
    executor.onWorkload = (workload) => {
      if (workload.taskInstance.runId === runId) resolve(performance.now())
    }
  })
  await world.trigger('ready', runId)
  const readyAt = performance.now()
  return (await arrived) - readyAt
}
