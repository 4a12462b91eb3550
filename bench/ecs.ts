import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EcsExecutor } from '@fairlead/executor-aws/ecs'
import type { ExecutorEvent } from '@fairlead/executor'
import { settingsSchema } from '../packages/executor-aws/src/ecs/settings.ts'
import { systemEnvironment } from '../packages/core/src/processes/system-environment.ts'
import { startAwsDouble } from '../testkit/aws/index.ts'
import { fakeExecutorHost, memoryStore } from '../testkit/fake-host.ts'
import { taskWorkload } from '../testkit/sample-workloads.ts'
import { machine } from './machine.ts'
import { quantile, round, say, type SceneOptions } from './scene.ts'

const TASKS = 1000
const ARRIVALS_PER_SECOND = 100
const RUN_MS = 5000
const POLL = { shortestMs: 2000, longestMs: 30_000 }

/** A thousand tasks of ECS through the double, which has a process of its own: calls, launch latency, memory. */
export async function ecsScene({ repeat }: SceneOptions): Promise<object> {
  const double = await openDouble()
  const environment = systemEnvironment()
  const before = { ...process.env }
  Object.assign(process.env, double.environment)
  try {
    const rounds: Round[] = []
    for (let round = 0; round < Math.max(2, repeat); round += 1) {
      rounds.push(await oneRound(double, environment.clock))
      say(`round ${round + 1}: ${JSON.stringify(rounds.at(-1))}`)
    }
    return {
      scene: 'ecs',
      tasks: TASKS,
      arrivalsPerSecond: ARRIVALS_PER_SECOND,
      runMs: RUN_MS,
      rounds,
      machine: machine(),
    }
  } finally {
    process.env = before
    double.process.kill()
  }
}

/** The double alone, until its standard input ends. */
export async function ecsDoubleScene(): Promise<object> {
  const double = await startAwsDouble()
  double.images.define('idle', { kind: 'idle', runMs: RUN_MS, exitCode: 0 })
  double.ecs.defineCluster({ name: 'bench' })
  const containers = [{ name: 'worker', image: 'idle' }]
  double.ecs.defineTaskDefinition({ family: 'worker', containers, cpu: '256', memory: '512' })
  console.log(JSON.stringify(double.environment))
  process.stdin.resume()
  await once(process.stdin, 'end')
  await double.close()
  return {}
}

interface Round {
  readonly callsPerTask: Readonly<Record<string, number>>
  readonly describesPerTaskAndInterval: number
  readonly launchMs: { readonly p50: number; readonly p99: number }
  readonly seconds: number
  readonly heapMiB: number
}

async function oneRound(
  double: Double,
  clock: { now(): number; sleep(ms: number, signal?: AbortSignal): Promise<void> },
): Promise<Round> {
  const queued = new Map<string, number>()
  const launches: number[] = []
  let ended = 0
  const onReport = (event: ExecutorEvent): void => {
    if (event.kind === 'accepted') launches.push(performance.now() - (queued.get(event.dispatchId) ?? 0))
    if (event.kind === 'ended') ended += 1
  }
  const settings = settingsSchema.parse({
    cluster: 'bench',
    taskDefinition: 'worker',
    launchType: 'FARGATE',
    network: { subnets: ['subnet-1'] },
    endpoint: double.environment['AWS_ENDPOINT_URL'],
    poll: POLL,
  })
  const { host } = fakeExecutorHost({
    name: 'ecs',
    clock,
    store: memoryStore(),
    parallelism: TASKS,
    settings,
    onReport,
  })
  const executor = new EcsExecutor(host)
  const callsBefore = await double.calls()
  const life = new AbortController()
  const startedAt = performance.now()
  const syncing = loop(executor.syncIntervalMs, life.signal, () => executor.sync({ signal: life.signal }))
  const turning = loop(10, life.signal, async () => {
    const last = executor.getEventBuffer().at(-1)
    if (last !== undefined) executor.acknowledgeEvents(last.place)
    await executor.processWorkloads(life.signal)
  })
  for (let index = 0; index < TASKS; index += 1) {
    const workload = taskWorkload()
    queued.set(workload.taskInstance.dispatchId, performance.now())
    executor.queueWorkload(workload, { queue: 'default', executorConfig: null })
    await executor.processWorkloads(life.signal)
    await new Promise((resolve) => setTimeout(resolve, 1000 / ARRIVALS_PER_SECOND))
  }
  while (ended < TASKS) await new Promise((resolve) => setTimeout(resolve, 20))
  const ms = performance.now() - startedAt
  life.abort()
  await Promise.all([syncing, turning])
  const calls = await double.calls()
  await executor.end(AbortSignal.timeout(1000))
  return figuresOf(callsBefore, calls, { ms, launches })
}

function figuresOf(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  { ms, launches }: { readonly ms: number; readonly launches: readonly number[] },
): Round {
  const perTask = Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, round((count - (before[name] ?? 0)) / TASKS)]),
  )
  return {
    callsPerTask: perTask,
    describesPerTaskAndInterval: round((perTask['ecs:DescribeTasks'] ?? 0) / (ms / POLL.shortestMs)),
    launchMs: { p50: round(quantile(launches, 0.5)), p99: round(quantile(launches, 0.99)) },
    seconds: round(ms / 1000),
    heapMiB: round(heapAfterCollection() / 1024 / 1024),
  }
}

async function loop(ms: number, signal: AbortSignal, turn: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    // What fails in one turn is made up for in the next.
    await turn().catch((error: unknown) => signal.aborted || say(String(error)))
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

interface Double {
  readonly process: ChildProcess
  readonly environment: Readonly<Record<string, string>>
  calls(): Promise<Readonly<Record<string, number>>>
}

async function openDouble(): Promise<Double> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'ecs-double'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const environment = JSON.parse(line.toString()) as Record<string, string>
  const url = environment['FAIRLEAD_AWS_DOUBLE'] ?? ''
  return {
    process: child,
    environment,
    calls: async () => {
      const answer = await fetch(new URL('/_double', url), {
        method: 'POST',
        body: JSON.stringify({ call: 'calls.all' }),
      })
      return ((await answer.json()) as { result: Record<string, number> }).result
    },
  }
}
