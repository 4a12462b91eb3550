import { BaseExecutor } from '@fairlead/executor'
import type { DispatchId, Workload } from '@fairlead/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { openWorld, type World } from '../../../../testkit/scheduler-world.ts'
import { heartbeatTaskInstance, type HeartbeatAnswer } from '../moves/heartbeat-task-instance.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { settleTaskInstances } from '../moves/settle-task-instances.ts'
import { startTaskInstances } from '../moves/start-task-instances.ts'
import type { Log } from '../observability/log.ts'
import { NO_LOG } from '../observability/log.ts'
import { systemEnvironment } from '../processes/system-environment.ts'

/** The wall clock jumps while the monotonic one goes on: a wrong clock is set right, or a machine has slept. */

const HOUR_MS = 3_600_000
const HEARTBEAT_MS = 50
const TIMES = { leaseMs: 600, sweepMs: 50, heartbeatTimeoutMs: 1_000, queuedTimeoutMs: 2 * HOUR_MS, idleMs: 50 }

/** Starts what it is given and keeps it alive until it is told to let it end. */
class PatientExecutor extends BaseExecutor {
  override readonly syncIntervalMs = HEARTBEAT_MS
  context: () => MoveContext = () => {
    throw new Error('No context yet.')
  }
  readonly answers = new Set<HeartbeatAnswer['kind']>()
  #alive: Array<{ taskInstanceId: string; dispatchId: string }> = []
  #mayEnd = false

  async executeAsync(workload: Workload): Promise<string | null> {
    if (workload.type !== 'ExecuteTask') return null
    const attempt = { taskInstanceId: workload.taskInstance.id, dispatchId: workload.taskInstance.dispatchId }
    await startTaskInstances(this.context(), [{ ...attempt, ...WORKER, startedAt: this.host.clock.now() }])
    this.#alive.push(attempt)
    return null
  }

  async sync(): Promise<void> {
    for (const attempt of this.#alive) {
      const answer = await heartbeatTaskInstance(this.context(), { ...attempt, ...WORKER })
      this.answers.add(answer.kind)
    }
    if (this.#mayEnd) await this.#end()
  }

  letEnd(): void {
    this.#mayEnd = true
  }

  async #end(): Promise<void> {
    const ended = this.#alive
    this.#alive = []
    const report = { state: 'success', error: null } as const
    await settleTaskInstances(
      this.context(),
      ended.map((attempt) => ({ ...attempt, actor: 'worker', report, exit: null, endedAt: null })),
    )
    for (const { dispatchId } of ended) this.success(dispatchId as DispatchId)
  }
}

const WORKER = { hostname: 'here', unixname: 'nobody', pid: 1, nonce: null }

interface SteppedWorld extends World {
  readonly executor: PatientExecutor
  /** Sentences of warnings and errors. */
  readonly warnings: readonly string[]
  step(ms: number): void
}

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function openSteppedWorld(): Promise<SteppedWorld> {
  const system = systemEnvironment()
  // Past the hour, so that a step back and forth crosses exactly one.
  let offset = Date.UTC(2026, 0, 1, 12, 30) - system.clock.now()
  const clock = { ...system.clock, now: () => system.clock.now() + offset }
  const warnings: string[] = []
  const log: Log = {
    ...NO_LOG,
    warn: (event) => void warnings.push(event),
    error: (event) => void warnings.push(event),
  }
  let executor: PatientExecutor | undefined
  const world = await openWorld({
    environment: { ...system, clock },
    times: TIMES,
    log,
    executors: (context, host) => {
      executor = new PatientExecutor(host('patient', 16))
      executor.context = context
      return [executor]
    },
  })
  if (executor === undefined) throw new Error('No executor was made.')
  cleanups.push(() => world.stop())
  world.start()
  return { ...world, executor, warnings, step: (ms) => void (offset += ms) }
}

/** As many turns as it takes until what was stored before the step is compared with the new time. */
async function letSweepsPass(world: SteppedWorld): Promise<void> {
  const until = performance.now() + TIMES.heartbeatTimeoutMs + 10 * TIMES.sweepMs
  await eventually(() => performance.now() > until)
  expect(world.executor.answers).toEqual(new Set(['alive']))
}

describe('the clock is stepped', () => {
  it.each([
    { direction: 'forwards', steps: [HOUR_MS] },
    { direction: 'backwards', steps: [-HOUR_MS] },
    { direction: 'forwards and back', steps: [HOUR_MS, -HOUR_MS] },
    { direction: 'backwards and forth', steps: [-HOUR_MS, HOUR_MS] },
  ])('$direction by an hour, and nothing that runs is lost', async ({ steps }) => {
    const world = await openSteppedWorld()
    const tasks = ['a', 'b', 'c'].map((taskId) => taskSpec(taskId))
    await world.register(dagSpec('long', tasks))
    await world.register(dagSpec('after', [taskSpec('only')]))
    const runId = await world.trigger('long')
    const statesAre = async (state: string): Promise<boolean> =>
      Object.values(await world.states(runId)).every((one) => one === state)
    await eventually(() => statesAre('running'))
    for (const step of steps) {
      world.step(step)
      await letSweepsPass(world)
      expect(await statesAre('running')).toBe(true)
    }
    world.executor.letEnd()
    const laterId = await world.trigger('after')
    for (const id of [runId, laterId]) await eventually(async () => (await world.runState(id)) === 'success')
    for (const taskId of ['a', 'b', 'c'])
      expect(await world.transitions(runId, taskId)).toEqual(['scheduled', 'queued', 'running', 'success'])
    await eventually(async () => (await world.database.read.selectFrom('dispatch').selectAll().execute()).length === 0)
    const hasStepped = steps.some((step) => step > 0)
    expect(world.warnings.includes('scheduler lost its lease and takes a new one')).toBe(hasStepped)
    expect(world.scheduler.health.kind).toBe('healthy')
  })

  it('and a schedule makes each of its runs once', async () => {
    const world = await openSteppedWorld()
    world.executor.letEnd()
    const schedule = { kind: 'cron', expression: '0 * * * *', timezone: 'UTC' } as const
    const startDate = Date.UTC(2026, 0, 1)
    const register = () => world.register(dagSpec('hourly', [taskSpec('only')], { schedule, startDate }))
    await register()
    const dates = async (): Promise<string[]> => {
      const runs = world.database.read.selectFrom('dag_run').select(['logical_date', 'state']).orderBy('logical_date')
      const rows = await runs.where('dag_id', '=', 'hourly').execute()
      return rows.map((row) => `${new Date(row.logical_date ?? 0).toISOString().slice(11, 16)} ${row.state}`)
    }
    const untilDatesAre = (...wanted: string[]) =>
      eventually(async () => (await dates()).join() === wanted.map((date) => `${date} success`).join())
    await untilDatesAre('12:00')
    world.step(HOUR_MS)
    await untilDatesAre('12:00', '13:00')
    for (const step of [-HOUR_MS, HOUR_MS, -HOUR_MS, HOUR_MS]) {
      world.step(step)
      await register()
      await letSweepsPass(world)
    }
    expect(await dates()).toEqual(['12:00 success', '13:00 success'])
    world.step(HOUR_MS)
    await untilDatesAre('12:00', '13:00', '14:00')
  })
})
