import type { ExecutorHost } from '@fairlead/executor'
import type { Database } from '../../packages/core/src/db/database.ts'
import { openDagGraphs } from '../../packages/core/src/db/queries/dag-graphs.ts'
import type { Log } from '../../packages/core/src/observability/log.ts'
import { NO_METRICS } from '../../packages/core/src/observability/metrics.ts'
import { Scheduler } from '../../packages/core/src/scheduler/scheduler.ts'
import type { SchedulerTimes } from '../../packages/core/src/scheduler/scheduler-times.ts'
import { ExecutionApi } from './execution-api.ts'
import { Life } from './life.ts'
import type { Machine } from './machine.ts'
import type { Plan } from './plan.ts'
import { SimulatedExecutor } from './simulated-executor.ts'
import { simulatedDatabase } from './simulated-database.ts'
import { simulatedEnvironment } from './simulated-environment.ts'
import type { Surroundings } from './surroundings.ts'
import type { Umpire } from './umpire.ts'

/** What a scheduler process is made of. */
export interface ProcessDeps {
  readonly plan: Plan
  readonly surroundings: Surroundings
  readonly database: Database
  readonly umpire: Umpire
  readonly machines: ReadonlyMap<string, Machine>
}

const TIMES: SchedulerTimes = {
  leaseMs: 18_000,
  sweepMs: 8_000,
  heartbeatTimeoutMs: 25_000,
  queuedTimeoutMs: 12_000,
  ageingMs: 20_000,
  idleMs: 30_000,
}

/** The parts of a move context that one process shares with its API. */
export function processContext(deps: ProcessDeps, life: Life, skewMs: number) {
  const { plan, surroundings, umpire } = deps
  return {
    database: simulatedDatabase(deps.database, life, {
      surroundings,
      inspect: (tx, by) => umpire.inspect(tx, by),
      isShared: plan.isShared,
      skewMs,
    }),
    environment: simulatedEnvironment(surroundings, life, skewMs),
    graphs: openDagGraphs(),
    defaultExecutor: plan.executors[0]?.name ?? 'none',
    launchBudget: 3,
  }
}

/** One life of a scheduler, with its executors and the API it serves. */
export class SchedulerProcess {
  readonly life: Life
  readonly scheduler: Scheduler
  readonly api: ExecutionApi
  readonly #stopping = new AbortController()
  readonly #deps: ProcessDeps
  #running: Promise<void> = Promise.resolve()

  constructor(name: string, skewMs: number, deps: ProcessDeps) {
    this.#deps = deps
    this.life = new Life(name)
    const log = umpireLog(this.life, deps)
    const context = processContext(deps, this.life, skewMs)
    this.scheduler = new Scheduler({
      context,
      executors: deps.plan.executors.map(({ name: executor, parallelism, mode }) => (wake: () => void) => {
        const machine = deps.machines.get(executor)
        if (machine === undefined) throw new Error(`There is no machine "${executor}".`)
        const host: ExecutorHost = {
          ...HOST,
          name: executor,
          parallelism,
          clock: context.environment.clock,
          log,
          report: wake,
        }
        return new SimulatedExecutor(host, {
          machine,
          life: this.life,
          mode,
          surroundings: deps.surroundings,
          foreign: () => runningElsewhere(deps.machines, executor),
          acknowledged: (dispatchId) => deps.umpire.acknowledged(dispatchId, executor),
          revoked: (dispatchId) => deps.umpire.revoked(dispatchId),
        })
      }),
      mintTicket: async () => 'ticket',
      log,
      metrics: NO_METRICS,
      times: TIMES,
      timeouts: { startMs: 10_000, callMs: 10_000 },
      host: { hostname: name, pid: 1 },
    })
    this.api = new ExecutionApi(this.life, this.scheduler.context, deps)
  }

  start(): void {
    this.#deps.surroundings.trace.note(this.life.name, 'starts')
    this.#running = this.scheduler.run(this.#stopping.signal).then(
      () => undefined,
      (error: unknown) => {
        if (this.life.isDead) return
        this.#deps.surroundings.trace.note(this.life.name, `exits, ${String(error)}`)
        // A database that is away at the very start is one to start again for; later it must be survived.
        if (this.scheduler.health.kind !== 'starting')
          this.#deps.umpire.violated('survives', `scheduler died of ${String(error)}`)
        this.#deps.umpire.judgeError(this.life.name, error)
        this.life.die()
      },
    )
  }

  /** A graceful end: the loops stop, the lease is freed, what runs goes on. */
  async stop(): Promise<void> {
    this.#deps.surroundings.trace.note(this.life.name, 'is stopped')
    this.#stopping.abort(new Error('The scheduler is stopped.'))
    await this.#running
    try {
      await this.scheduler.release()
    } catch (error) {
      // The lease runs out by itself.
      this.#deps.umpire.judgeError(this.life.name, error)
    }
    this.life.die()
  }
}

function runningElsewhere(machines: ReadonlyMap<string, Machine>, name: string): string | null {
  for (const machine of machines.values()) {
    const running = machine.name === name ? undefined : machine.processes.findLast((one) => one.exit === null)
    if (running !== undefined) return running.dispatchId
  }
  return null
}

const HOST = {
  settings: {},
  apiUrl: 'http://127.0.0.1:0',
  runFolder: '',
  logFolder: '',
  bundleFolder: '',
  store: {
    get: async () => undefined,
    set: async () => undefined,
    delete: async () => undefined,
    list: async () => [],
  },
}

function umpireLog(life: Life, { umpire, surroundings }: ProcessDeps): Log {
  const { trace } = surroundings
  const { name } = life
  const log: Log = {
    debug: () => undefined,
    info: (message, fields) => trace.detail(name, () => `${message} ${JSON.stringify(fields)}`),
    warn: (message, fields) => trace.detail(name, () => `${message} ${JSON.stringify(fields)}`),
    error: (message, fields) => {
      trace.note(name, `${message} ${fields?.['error'] instanceof Error ? fields['error'].message : ''}`)
      // What unwinds in a dead process is nobody's business.
      if (fields?.['error'] !== undefined && !life.isDead) umpire.judgeError(name, fields['error'])
    },
    child: () => log,
  }
  return log
}
