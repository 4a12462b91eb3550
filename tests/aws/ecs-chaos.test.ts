import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../packages/core/src/processes/system-environment.ts'
import { EcsExecutor } from '@fairlead/executor-aws/ecs'
import { settingsSchema } from '../../packages/executor-aws/src/ecs/settings.ts'
import { startAwsDouble, type AwsDouble } from '../../testkit/aws/index.ts'
import { dagSpec, taskSpec } from '../../testkit/dag-specs.ts'
import { eventually } from '../../testkit/eventually.ts'
import { ManualClock } from '../../testkit/manual-clock.ts'
import { taskWorkload } from '../../testkit/sample-workloads.ts'
import { openWorld } from '../../testkit/scheduler-world.ts'
import { EcsInstance, setEndsStage, SIGNAL } from './ecs-rig.ts'
import { ECS_SETTINGS } from './ecs-stage.ts'

/** Deaths and droughts: the scheduler dies in the middle of RunTask, and ECS throttles for an hour. */

let double: AwsDouble
beforeAll(async () => {
  double = await startAwsDouble()
  setEndsStage(double)
  Object.assign(process.env, double.environment)
})
afterAll(() => double.close())

describe('a scheduler that dies between the call of RunTask and its answer', () => {
  it.each([
    ['when the request was carried out', { kind: 'loseAnswer' }],
    ['before the request is carried out, which happens later', { kind: 'latency', ms: 20 }],
  ] as const)('%s, fifty times, leaves no task twice and loses none', async (_, fault) => {
    for (let death = 0; death < 50; death += 1) {
      double.faults.next('ecs:RunTask', fault)
      const workload = taskWorkload({ taskInstance: { dispatchId: randomUUID() as never } })
      const first = new EcsInstance(double)
      const calls = double.calls.of('ecs:RunTask')
      first.submit(workload, { taskDefinition: 'succeeds' })
      await first.executor.processWorkloads(SIGNAL)
      await eventually(() => double.calls.of('ecs:RunTask') > calls, { everyMs: 1 })
      await first.die()
      const second = new EcsInstance(double)
      const missing = await second.executor.tryAdoptTaskInstances([workload.taskInstance], SIGNAL)
      // Handed over again, as dispatch does, with a launch ticket of its own.
      if (missing.length > 0) second.submit({ ...workload, token: `ticket ${death}` }, { taskDefinition: 'succeeds' })
      expect(await second.ended(workload)).toEqual({ kind: 'exited', exitCode: 0 })
      expect(second.recorded.filter(({ kind }) => kind === 'ended')).toHaveLength(1)
      expect(double.ecs.startedBy(`fairlead/ecs/${workload.taskInstance.dispatchId}`)).toHaveLength(1)
      await second.die()
    }
  })
})

describe('an hour of throttling', () => {
  const TASKS = 16
  const HOUR_MS = 3_600_000
  const STEP_MS = 2000

  it('fails nothing and loses nothing: every task waits in its first launch, says for what, and starts once', async () => {
    const clock = new ManualClock()
    const executors: EcsExecutor[] = []
    const world = await openWorld({
      environment: { ...systemEnvironment(), clock },
      executors: (_, host) => {
        const settings = settingsSchema.parse({
          ...ECS_SETTINGS,
          taskDefinition: 'stays',
          launchType: 'FARGATE',
          endpoint: double.url,
          checkHealth: false,
          poll: { shortestMs: 2000, longestMs: 30_000 },
        })
        executors.push(new EcsExecutor({ ...host('ecs', 100), settings }))
        return executors
      },
    })
    const names = Array.from({ length: TASKS }, (_, index) => `t${index}`)
    await world.register(
      dagSpec(
        'drought',
        names.map((name) => taskSpec(name)),
      ),
    )
    const runId = await world.trigger('drought')
    const before = double.ecs.tasks().length
    const fault = double.faults.begin('ecs:*', { kind: 'throttle' })
    double.calls.reset()
    world.start()
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        clock.advance(STEP_MS)
        await new Promise((resolve) => setTimeout(resolve, 3))
      }
    }
    await eventually(async () => (await pass(STEP_MS), double.calls.of('ecs:RunTask') > 0))
    await pass(HOUR_MS)
    const states = Object.values(await world.states(runId))
    expect(states).toEqual(names.map(() => 'queued'))
    expect(double.ecs.tasks()).toHaveLength(before)
    const dispatches = await world.database.read.selectFrom('dispatch').select('dispatch_id').execute()
    expect(dispatches).toHaveLength(TASKS)
    const waiting = dispatches.map(({ dispatch_id: id }) => executors[0]?.waitingFor(id as never))
    expect(waiting.filter((reason) => reason?.includes('Throttling'))).toHaveLength(TASKS)
    double.faults.end(fault)
    await eventually(async () => (await pass(STEP_MS), double.ecs.tasks().length === before + TASKS), {
      timeoutMs: 60_000,
    })
    await pass(60_000)
    const tasks = double.ecs.tasks().slice(before)
    expect(new Set(tasks.map(({ facts }) => facts.startedBy))).toEqual(
      new Set(dispatches.map(({ dispatch_id: id }) => `fairlead/ecs/${id}`)),
    )
    expect(tasks).toHaveLength(TASKS)
    const rows = await world.database.read
      .selectFrom('task_instance')
      .select(['state', 'try_number', 'launch_attempts'])
      .where('run_id', '=', runId)
      .execute()
    expect(rows).toEqual(names.map(() => ({ state: 'queued', try_number: 1, launch_attempts: 0 })))
    await world.stop()
  })
})
