import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { startAwsDouble } from '../../testkit/aws/index.ts'
import { eventually } from '../../testkit/eventually.ts'
import { memoryStore } from '../../testkit/fake-host.ts'
import { ManualClock } from '../../testkit/manual-clock.ts'
import { taskWorkload } from '../../testkit/sample-workloads.ts'
import { EcsInstance, setEndsStage, SIGNAL, STAYS, type InstanceOptions } from './ecs-rig.ts'

/** What upstream's executor does, and what it does wrong, on ours: the real SDK against the double. */

const double = await startAwsDouble()
setEndsStage(double)
Object.assign(process.env, double.environment)
const instances: EcsInstance[] = []
const open = (options: InstanceOptions = {}): EcsInstance => {
  const instance = new EcsInstance(double, options)
  instances.push(instance)
  return instance
}

beforeEach(async () => {
  double.faults.clear()
  await Promise.all(instances.splice(0).map((instance) => instance.die()))
  double.calls.reset()
  double.ecs.consistencyLag = 0
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.die()))
  await double.close()
})

const tasksOf = (dispatchId: string) => double.ecs.startedBy(`fairlead/ecs/${dispatchId}`)

describe('launching', () => {
  it('is one RunTask and one acceptance with the ARN; it runs when ECS says so, and not before', async () => {
    const ecs = open()
    double.ecs.hold('PENDING')
    const workload = ecs.give(STAYS)
    const arn = await ecs.accepted(workload)
    await ecs.turn()
    expect(ecs.eventsOf(workload).map(({ kind }) => kind)).toEqual(['accepted'])
    expect(ecs.executor.waitingFor(workload.taskInstance.dispatchId)).toMatch(/ECS says P/)
    double.ecs.release('PENDING')
    await ecs.until(() => ecs.eventsOf(workload).length === 2)
    expect(ecs.eventsOf(workload)[1]).toMatchObject({ kind: 'running', externalId: arn })
    expect(double.calls.of('ecs:RunTask')).toBe(1)
  })

  it('that is throttled again and again starts one task in the end, and costs nothing', async () => {
    const ecs = open()
    double.faults.next('ecs:RunTask', { kind: 'throttle' }, 3)
    const workload = ecs.give('succeeds')
    expect(await ecs.ended(workload)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(double.calls.of('ecs:RunTask')).toBe(4)
    expect(tasksOf(workload.taskInstance.dispatchId)).toHaveLength(1)
  })

  it('of one task that is refused holds up no other, and its refusal is told at once in the words of ECS', async () => {
    const ecs = open()
    const bad = ecs.give('nowhere')
    const good = ecs.give('succeeds')
    expect(await ecs.ended(good)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(await ecs.ended(bad)).toEqual({
      kind: 'neverStarted',
      detail: 'ClientException: TaskDefinition not found.',
      isPermanent: true,
    })
    expect(double.calls.of('ecs:RunTask')).toBe(2)
  })

  it('begins in the order of priority, the highest first', async () => {
    const ecs = open({ parallelism: 1 })
    const light = ecs.give('succeeds', { priorityWeight: 1 })
    const heavy = ecs.give('succeeds', { priorityWeight: 9 })
    await ecs.ended(heavy)
    await ecs.ended(light)
    const ends = ecs.recorded.filter(({ kind }) => kind === 'ended').map(({ dispatchId }) => dispatchId)
    expect(ends).toEqual([heavy.taskInstance.dispatchId, light.taskInstance.dispatchId])
  })

  it('that finds no room waits for it with a new token each time, long after three tries and twenty seconds', async () => {
    const clock = new ManualClock()
    const ecs = open({ clock, settings: { capacityBackoff: { firstMs: 30_000, longestMs: 600_000 } } })
    const fault = double.faults.begin('ecs:RunTask', { kind: 'capacity' })
    const workload = ecs.give('succeeds')
    const { dispatchId } = workload.taskInstance
    for (let tries = 1; tries <= 5; tries += 1) {
      await eventually(async () => {
        clock.advance(5000)
        await ecs.executor.processWorkloads(SIGNAL)
        return double.calls.of('ecs:RunTask') >= tries
      })
    }
    await eventually(() => ecs.executor.waitingFor(dispatchId))
    expect(ecs.executor.waitingFor(dispatchId)).toContain('Capacity is unavailable')
    double.faults.end(fault)
    await eventually(async () => {
      clock.advance(5000)
      await ecs.turn()
      return ecs.endOf(workload)
    })
    expect(ecs.endOf(workload)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(tasksOf(dispatchId)).toHaveLength(1)
  })

  it('gives up on room after its time, which a restart does not begin anew, and says what was lacking', async () => {
    const clock = new ManualClock()
    const options = { clock, store: memoryStore(), settings: { capacityTimeoutMs: 600_000 } }
    const first = open(options)
    double.faults.begin('ecs:RunTask', { kind: 'capacity' })
    const workload = first.give('succeeds')
    await first.executor.processWorkloads(SIGNAL)
    await eventually(() => first.executor.waitingFor(workload.taskInstance.dispatchId))
    await first.die()
    clock.advance(600_000)
    const second = open(options)
    expect(await second.executor.tryAdoptTaskInstances([workload.taskInstance], SIGNAL)).toEqual([
      workload.taskInstance,
    ])
    second.submit(workload, { taskDefinition: 'succeeds' })
    await second.executor.processWorkloads(SIGNAL)
    await eventually(() => (second.record(), second.endOf(workload)))
    expect(second.endOf(workload)).toMatchObject({
      kind: 'neverStarted',
      detail: expect.stringMatching(/no room for it within 600000 ms.*Capacity is unavailable/),
    })
  })

  it('says numbers in the words of ECS', async () => {
    const ecs = open()
    const arn = await ecs.accepted(ecs.submit(taskWorkload(), { taskDefinition: STAYS, cpu: 512, memory: 1024 }))
    expect(double.ecs.task(arn).facts.overrides).toMatchObject({ cpu: '512', memory: '1024' })
  })

  it('that is given up before ECS was asked begins nothing, whatever the moment', async () => {
    const ecs = open()
    for (let turn = 0; turn < 20; turn += 1) {
      const workload = ecs.give(STAYS)
      await ecs.executor.processWorkloads(SIGNAL)
      for (let tick = 0; tick < turn; tick += 1) await Promise.resolve()
      await ecs.executor.revokeTask(workload.taskInstance, SIGNAL)
      const left = tasksOf(workload.taskInstance.dispatchId).filter(({ desired }) => desired === 'RUNNING')
      expect(left).toEqual([])
      await eventually(() => tasksOf(workload.taskInstance.dispatchId).every(({ desired }) => desired === 'STOPPED'))
    }
  })

  it('whose answer says neither of a task nor of a failure is of unknown outcome, and kept', async () => {
    const mute = createServer((_, response) => void response.end('{"tasks":[],"failures":[]}'))
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const { port } = mute.address() as AddressInfo
    const ecs = open({ settings: { endpoint: `http://127.0.0.1:${port}`, launchType: 'FARGATE' } })
    const workload = ecs.give('succeeds')
    await ecs.executor.processWorkloads(SIGNAL)
    await eventually(() => ecs.executor.waitingFor(workload.taskInstance.dispatchId)?.includes('neither'))
    expect(ecs.executor.hasTask(workload.taskInstance.dispatchId)).toBe(true)
    expect(ecs.endOf(workload)).toBe(null)
    await ecs.die()
    await new Promise((resolve) => mute.close(resolve))
  })

  it('whose overrides are too long never reaches ECS', async () => {
    const ecs = open()
    const workload = ecs.submit(taskWorkload(), { env: { LONG: 'x'.repeat(9000) } })
    expect(await ecs.ended(workload)).toMatchObject({ kind: 'neverStarted', detail: expect.stringContaining('8192') })
    expect(double.calls.of('ecs:RunTask')).toBe(0)
  })

  it('to a cluster that the task itself names is followed, adopted and stopped there', async () => {
    double.ecs.defineCluster({ name: 'elsewhere' })
    const store = memoryStore()
    const first = open({ store })
    const workload = first.submit(taskWorkload(), { cluster: 'elsewhere', taskDefinition: STAYS })
    const arn = await first.accepted(workload)
    expect(arn).toContain('task/elsewhere/')
    await first.die()
    const second = open({ store })
    // Its ARN was never stored.
    expect(await second.executor.tryAdoptTaskInstances([workload.taskInstance], SIGNAL)).toEqual([])
    await second.executor.revokeTask(workload.taskInstance, SIGNAL)
    expect(double.ecs.task(arn).desired).toBe('STOPPED')
    await second.turn()
    expect(second.endOf(workload)).toBe(null)
  })

  it('whose container name is nowhere in the task definition is refused, with the name', async () => {
    const ecs = open()
    const workload = ecs.submit(taskWorkload(), { containerName: 'skipper' })
    expect(await ecs.ended(workload)).toMatchObject({
      kind: 'neverStarted',
      detail: expect.stringContaining('skipper'),
    })
  })

  it('takes Fargate where neither the task nor the cluster says how, and nothing where the cluster does', async () => {
    double.ecs.defineCluster({ name: 'own', capacityProviders: ['spot'], defaultCapacityProvider: 'spot' })
    const ecs = open()
    const plain = await ecs.accepted(ecs.give(STAYS))
    const own = await ecs.accepted(ecs.submit(taskWorkload(), { cluster: 'own', taskDefinition: STAYS }))
    expect(double.ecs.task(plain).facts.launchType).toBe('FARGATE')
    expect(double.ecs.task(own).facts.capacityProvider).toBe('spot')
  })
})

describe('a task of ECS', () => {
  it('that fails is reported with its exit code, and never begun again here', async () => {
    const ecs = open()
    const workload = ecs.give('fails')
    expect(await ecs.ended(workload)).toEqual({ kind: 'exited', exitCode: 100 })
    for (let turn = 0; turn < 5; turn += 1) await ecs.turn()
    expect(double.calls.of('ecs:RunTask')).toBe(1)
    expect(ecs.eventsOf(workload).filter(({ kind }) => kind === 'ended')).toHaveLength(1)
  })

  it('that never started is reported as that, with the reason of ECS, and not begun again here', async () => {
    const ecs = open()
    double.ecs.failStarts('ResourceInitializationError: unable to pull secrets')
    const workload = ecs.give('succeeds')
    expect(await ecs.ended(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('ResourceInitializationError'),
    })
    expect(double.calls.of('ecs:RunTask')).toBe(1)
  })

  it('whose worker says that nothing ran is reported as never started', async () => {
    const ecs = open()
    expect((await ecs.ended(ecs.give('refuses'))).kind).toBe('neverStarted')
  })

  it('whose machine is lost ends after a moment without an exit code, once, and is not begun again', async () => {
    const ecs = open()
    const workload = ecs.give(STAYS)
    const arn = await ecs.accepted(workload)
    await ecs.until(() => ecs.eventsOf(workload).length === 2)
    double.ecs.loseHost(arn)
    expect(await ecs.ended(workload)).toMatchObject({ kind: 'lost', detail: expect.stringContaining('Host EC2') })
    expect(double.calls.of('ecs:RunTask')).toBe(1)
  })

  it('that ran out of memory, or lost its Spot machine, says so', async () => {
    const ecs = open()
    const [hungry, spot] = [ecs.give(STAYS), ecs.give(STAYS)]
    const arns = [await ecs.accepted(hungry), await ecs.accepted(spot)]
    await ecs.until(() => ecs.eventsOf(hungry).length === 2 && ecs.eventsOf(spot).length === 2)
    double.ecs.killForMemory(arns[0] ?? '')
    double.ecs.interruptSpot(arns[1] ?? '')
    expect(await ecs.ended(hungry)).toMatchObject({ cause: 'out_of_memory_killed' })
    expect(await ecs.ended(spot)).toMatchObject({ kind: 'lost', detail: expect.stringContaining('SpotInterruption') })
  })

  it('that ECS does not show for a moment after RunTask is neither lost nor started twice', async () => {
    const ecs = open()
    double.ecs.consistencyLag = 6
    const workload = ecs.give('succeeds')
    expect(await ecs.ended(workload)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(double.calls.of('ecs:RunTask')).toBe(1)
  })

  it('that ECS has forgotten is lost, and the others of the same question are not', async () => {
    const ecs = open()
    const [gone, kept] = [ecs.give(STAYS), ecs.give(STAYS)]
    const arn = await ecs.accepted(gone)
    await ecs.accepted(kept)
    await double.ecs.vanish(arn)
    expect(await ecs.ended(gone)).toMatchObject({ kind: 'lost', detail: expect.stringContaining(arn) })
    expect(ecs.endOf(kept)).toBe(null)
  })

  it('that does not come to its start is stopped, and reported as never started', async () => {
    const ecs = open({ settings: { startTimeoutMs: 100 } })
    double.ecs.hold('PROVISIONING')
    const workload = ecs.give('succeeds')
    await ecs.accepted(workload)
    await ecs.until(() => double.calls.of('ecs:StopTask') > 0)
    double.ecs.release('PROVISIONING')
    expect(await ecs.ended(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('not started within 100 ms'),
    })
  })
})

describe('polling', () => {
  it('asks nothing while nothing runs', async () => {
    const ecs = open()
    for (let turn = 0; turn < 3; turn += 1) await ecs.turn()
    expect(double.calls.all()).toEqual({})
  })

  it('asks about a hundred tasks in a call, and rarely about those that have run for long', async () => {
    const clock = new ManualClock()
    const ecs = open({ clock, parallelism: 200, settings: { poll: { shortestMs: 2000, longestMs: 30_000 } } })
    const workloads = Array.from({ length: 120 }, () => ecs.give(STAYS))
    await ecs.until(() => workloads.every((workload) => ecs.eventsOf(workload).some(({ kind }) => kind === 'accepted')))
    await eventually(async () => {
      clock.advance(2000)
      await ecs.turn()
      return workloads.every((workload) => ecs.eventsOf(workload).some(({ kind }) => kind === 'running'))
    })
    clock.advance(300_000)
    await ecs.turn()
    double.calls.reset()
    for (let second = 0; second < 120; second += 1) {
      clock.advance(1000)
      await ecs.turn()
    }
    // Two calls for 120 tasks, each 30 seconds.
    expect(double.calls.of('ecs:DescribeTasks')).toBeGreaterThan(0)
    expect(double.calls.of('ecs:DescribeTasks')).toBeLessThanOrEqual(8)
    await ecs.executor.terminate()
    const alive = workloads
      .flatMap(({ taskInstance }) => tasksOf(taskInstance.dispatchId))
      .filter((task) => task.desired === 'RUNNING')
    expect(alive).toEqual([])
  })

  it('that is throttled throws nothing, says nothing of any task, and asks less', async () => {
    const ecs = open()
    const workload = ecs.give(STAYS)
    await ecs.accepted(workload)
    const fault = double.faults.begin('ecs:DescribeTasks', { kind: 'throttle' })
    for (let turn = 0; turn < 20; turn += 1) await ecs.turn()
    expect(double.calls.of('ecs:DescribeTasks')).toBeLessThan(5)
    expect(ecs.endOf(workload)).toBe(null)
    double.faults.end(fault)
  })

  it.each([
    ['is forbidden', { kind: 'error', code: 'AccessDeniedException', message: 'not you' }, /not you/],
    ['meets credentials that nobody knows', { kind: 'unknownCredentials' }, /security token/i],
    ['meets a broken service', { kind: 'serverError' }, /./],
  ] as const)('throws with the words of ECS when it %s, and says nothing of any task', async (_, fault, words) => {
    const ecs = open()
    const workload = ecs.give(STAYS)
    await ecs.accepted(workload)
    const id = double.faults.begin('ecs:DescribeTasks', fault)
    await eventually(
      async () =>
        await ecs.executor.sync({ signal: SIGNAL }).then(
          () => false,
          (error: Error) => words.test(String(error)),
        ),
    )
    double.faults.end(id)
    await ecs.until(() => ecs.eventsOf(workload).some(({ kind }) => kind === 'running'))
    expect(ecs.endOf(workload)).toBe(null)
  })
})

describe('adoption', () => {
  it('finds two of three: by ARN, by who started it, and says of the third that it is gone', async () => {
    const first = open()
    const [stored, unstored] = [first.give(STAYS), first.give(STAYS)]
    const arn = await first.accepted(stored)
    await first.accepted(unstored)
    await first.die()
    const second = open()
    const gone = taskWorkload().taskInstance
    const missing = await second.executor.tryAdoptTaskInstances(
      [{ ...stored.taskInstance, externalId: arn }, unstored.taskInstance, gone],
      SIGNAL,
    )
    expect(missing).toEqual([gone])
    expect(second.executor.slotsOccupied).toBe(2)
    await second.executor.terminate()
    expect(second.executor.hasTask(gone.dispatchId)).toBe(false)
  })

  it('of a task that has ended reports how', async () => {
    const first = open()
    const workload = first.give('fails')
    const arn = await first.accepted(workload)
    await first.die()
    await double.ecs.task(arn).over
    const second = open()
    await second.executor.tryAdoptTaskInstances([{ ...workload.taskInstance, externalId: arn }], SIGNAL)
    expect(await second.ended(workload)).toEqual({ kind: 'exited', exitCode: 100 })
  })

  it('with another launch ticket takes over the task that an earlier scheduler started and never heard of', async () => {
    const first = open()
    double.faults.next('ecs:RunTask', { kind: 'loseAnswer' })
    const workload = first.give(STAYS)
    await first.executor.processWorkloads(SIGNAL)
    await eventually(() => tasksOf(workload.taskInstance.dispatchId).length === 1)
    await first.die()
    const second = open()
    second.submit({ ...workload, token: 'a new ticket' }, { taskDefinition: STAYS })
    await second.accepted(workload)
    expect(tasksOf(workload.taskInstance.dispatchId)).toHaveLength(1)
    await second.executor.terminate()
  })
})
