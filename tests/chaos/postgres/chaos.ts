import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../../testkit/eventually.ts'
import { RandomStream } from '../../../testkit/simulation/random-stream.ts'
import { findings } from './findings.ts'
import { Keeper } from './keeper.ts'
import { Stage } from './stage.ts'
import { streamRuns, TASKS_OF_A_RUN } from './stream.ts'
import { Troublemaker } from './troubles.ts'

/**
 * Two schedulers, an API server, a Dag processor and workers as real processes on PostgreSQL, killed, stopped and cut
 * off at random over a stream of runs, PostgreSQL restarted in the middle. In the end nothing was lost, nothing was
 * accepted twice, every run has ended, every slot is free and no process is left.
 */

/** How long, and from which seed. */
export interface ChaosOptions {
  readonly seed: number
  readonly forMs: number
  say(line: string): void
}

/** Short times, so that every kind of loss happens often. */
const ENV = {
  FAIRLEAD__SCHEDULER__SCHEDULER_LEASE: '3',
  FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
  FAIRLEAD__SCHEDULER__IDLE_INTERVAL: '2',
  FAIRLEAD__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT: '25',
  FAIRLEAD__SCHEDULER__TASK_QUEUED_TIMEOUT: '40',
  FAIRLEAD__SCHEDULER__EXECUTOR_CALL_TIMEOUT: '10',
  FAIRLEAD__SCHEDULER__MAX_LAUNCH_ATTEMPTS: '50',
  FAIRLEAD__DATABASE__CONNECT_TIMEOUT: '3',
  FAIRLEAD__DATABASE__STATEMENT_TIMEOUT: '5',
}
const EXECUTOR = {
  spares: 2,
  heartbeatIntervalMs: 1_000,
  hostTimeoutMs: 5_000,
  launchBudgetMs: 15_000,
  leaseMs: 25_000,
  settleBudgetMs: 60_000,
}
const RUNS_AT_ONCE = 3
const LONGEST_TASK_MS = 1_500
/** Whatever was lost last is missed, and run again, within this. */
const CALM_MS = 300_000

/** Runs it; answers the closing line. Throws with everything that was found wrong. */
export async function chaos({ seed, forMs, say }: ChaosOptions): Promise<string> {
  const random = new RandomStream(seed)
  // Every other seed has the second scheduler on a machine of its own, whose tasks the first cannot see.
  const farAway = seed % 2 === 1 ? 'scheduler-2' : null
  const stage = await Stage.open(EXECUTOR, ENV, farAway)
  const startedAt = performance.now()
  const tell = (line: string): void =>
    say(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`)
  const keeper = new Keeper(stage.parts, random.fork('keeper'), tell)
  const kept = keeper.run()
  const problems: string[] = []
  try {
    await eventually(async () => (await stage.login()).eventuallyKnown('stream').then(() => true), {
      timeoutMs: 90_000,
      everyMs: 300,
    })
    const troubles = new Troublemaker(stage, keeper, random.fork('troubles'), tell)
    const runIds = await underTrouble(stage, troubles, forMs)
    await keeper.calm()
    tell(`calm: ${runIds.length} runs were asked for`)
    problems.push(...(await calm(stage, keeper, runIds)))
    await kept
    problems.push(...keeper.problems)
    const line = closingLine(await talliesOf(stage, { seed, runs: runIds.length, keeper, troubles }), problems.length)
    if (problems.length > 0)
      throw new Error(`${problems.join('\n')}\n${line}\nLeft for inspection: ${stage.installation.folder}`)
    return line
  } finally {
    keeper.leave()
    await kept
    await stage.close(problems.length > 0)
  }
}

async function underTrouble(stage: Stage, troubles: Troublemaker, forMs: number): Promise<readonly string[]> {
  const over = new AbortController()
  const streaming = streamRuns(stage, { atOnce: RUNS_AT_ONCE, longestMs: LONGEST_TASK_MS, signal: over.signal })
  const trouble = troubles.run(over.signal)
  await sleep(forMs / 2)
  troubles.make('restartPostgres')
  await sleep(forMs / 2)
  over.abort()
  await trouble
  stage.mend()
  return streaming
}

/** Lets everything come to its end, stops the processes in good order, and looks. */
async function calm(stage: Stage, keeper: Keeper, runIds: readonly string[]): Promise<readonly string[]> {
  const isOver = async (): Promise<boolean> => {
    const [row] = await stage.query<{ count: string }>(
      `select (select count(*) from dag_run where state in ('queued', 'running')) + (select count(*) from dispatch) as count`,
    )
    return Number(row?.count) === 0
  }
  const ended = await settled(eventually(isOver, { timeoutMs: CALM_MS, everyMs: 500 }))
  keeper.leave()
  const found = [...ended, ...(await findings(stage, runIds))]
  const left = await settled(stage.installation.stop())
  return [...found, ...left.map(() => `processes are left: ${stage.installation.processes.join('; ')}`)]
}

async function settled(work: Promise<unknown>): Promise<readonly string[]> {
  try {
    await work
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

interface Tallies {
  readonly seed: number
  readonly runs: number
  readonly attempts: number
  readonly keeper: Keeper
  readonly troubles: Troublemaker
}

async function talliesOf(stage: Stage, done: Omit<Tallies, 'attempts'>): Promise<Tallies> {
  const [row] = await stage.query<{ count: string }>(
    `select count(*) as count from audit_log where event = 'task_instance.state' and to_state = 'running'`,
  )
  return { ...done, attempts: Number(row?.count) }
}

function closingLine({ seed, runs, attempts, keeper, troubles }: Tallies, problems: number): string {
  const done = [...troubles.counts, ['diedAtFaultPoint', keeper.faults], ['startedInVain', keeper.failedStarts]]
  const troublesDone = done.map(([what, count]) => `${what} ${count}`).join(', ')
  const tasks = `${runs} runs, ${runs * TASKS_OF_A_RUN} tasks in ${attempts} attempts`
  return `chaos, seed ${seed}: ${tasks}, through ${troublesDone}; ${problems} problems`
}
