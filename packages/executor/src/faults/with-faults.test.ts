import { dispatchIdOf } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { fakeExecutorHost } from '../../../../testkit/fake-host.ts'
import { ManualClock } from '../../../../testkit/manual-clock.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { ScriptedExecutor, options, signal } from '../../../../testkit/scripted-executor.ts'
import { checkExecutor, checkExecutorClass } from '../check-executor.ts'
import type { BufferedEvent, Executor } from '../executor.ts'
import { withFaults } from './with-faults.ts'
import type { Fault, FaultOptions } from './fault-options.ts'

const made: ScriptedExecutor[] = []

class Reporting extends ScriptedExecutor {
  constructor(...args: ConstructorParameters<typeof ScriptedExecutor>) {
    super(...args)
    made.push(this)
  }
}

function setUp(given: Partial<FaultOptions>) {
  const faults: Fault[] = []
  const clock = new ManualClock()
  const { host, reported } = fakeExecutorHost({ clock })
  const Faulty = withFaults(Reporting, { seed: 1, onFault: (fault) => faults.push(fault), ...given })
  const executor: Executor = new Faulty(host)
  const inner = made.at(-1)!
  return { Faulty, executor, inner, clock, faults, reported }
}

/** Lets three workloads end one after the other, and answers their kinds and which one each event is of. */
function threeEnds({ executor, inner }: Pick<ReturnType<typeof setUp>, 'executor' | 'inner'>): () => string[] {
  const workloads = [taskWorkload(), taskWorkload(), taskWorkload()]
  for (const workload of workloads) {
    executor.queueWorkload(workload, options)
    inner.success(dispatchIdOf(workload))
  }
  const indexOf = ({ event }: BufferedEvent): string =>
    String(workloads.findIndex((workload) => dispatchIdOf(workload) === event.dispatchId))
  return () => executor.getEventBuffer().map(indexOf)
}

describe('an executor with faults', () => {
  it('is an executor class with the facts of the one behind it', () => {
    const { Faulty, executor } = setUp({})
    checkExecutorClass(Faulty)
    checkExecutor(executor)
    expect([Faulty.name, Faulty.supportsCallbacks]).toEqual(['FaultyReporting', true])
  })

  it('changes nothing while no fault is asked for', async () => {
    const world = setUp({})
    expect(threeEnds(world)()).toEqual(['0', '1', '2'])
    await world.executor.start(signal)
    await world.executor.sync({ signal })
    expect([world.inner.syncCount, world.faults]).toEqual([1, []])
  })

  it('drops events, and lets go of them', () => {
    const world = setUp({ drop: 1 })
    expect(threeEnds(world)()).toEqual([])
    world.executor.acknowledgeEvents(0)
    expect(world.inner.getEventBuffer()).toEqual([])
    expect(world.faults.map(({ kind }) => kind)).toEqual(['drop', 'drop', 'drop'])
  })

  it('holds events back by the clock, wakes the host then, and shows no gap meanwhile', async () => {
    const world = setUp({ delay: 1, delayMs: 500 })
    const workload = taskWorkload()
    world.executor.queueWorkload(workload, options)
    world.inner.success(dispatchIdOf(workload))
    expect(world.executor.getEventBuffer()).toEqual([])
    expect([world.executor.hasTask(dispatchIdOf(workload)), world.inner.hasTask(dispatchIdOf(workload))]).toEqual([
      true,
      false,
    ])
    const before = world.reported.length
    world.clock.advance(500)
    await new Promise(setImmediate)
    expect(world.reported.length).toBeGreaterThan(before)
    expect(world.executor.getEventBuffer()).toHaveLength(1)
  })

  it('shows events twice, at places of their own, until both are acknowledged', () => {
    const world = setUp({ duplicate: 1 })
    const indexes = threeEnds(world)
    expect(indexes()).toEqual(['0', '0', '1', '1', '2', '2'])
    world.executor.acknowledgeEvents(3)
    expect(indexes()).toEqual(['1', '2', '2'])
    expect(world.inner.getEventBuffer()).toHaveLength(2)
    world.executor.acknowledgeEvents(6)
    expect(world.inner.getEventBuffer()).toEqual([])
  })

  it('shows events behind the ones that followed', () => {
    expect(threeEnds(setUp({ reorder: 1 }))()).toEqual(['1', '2', '0'])
  })

  it('throws before a call or after it', async () => {
    const before = setUp({ crash: 1 })
    await expect(before.executor.sync({ signal })).rejects.toThrow(/before it began/)
    expect(before.inner.syncCount).toBe(0)
    const some = setUp({ crash: 0.5, seed: 3 })
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => some.executor.sync({ signal })))
    const lost = outcomes.filter((one) => one.status === 'rejected' && String(one.reason).includes('was lost'))
    expect(lost.length).toBeGreaterThan(0)
    expect(some.inner.syncCount).toBe(lost.length + outcomes.filter(({ status }) => status === 'fulfilled').length)
  })

  it('never fails to end', async () => {
    const { executor } = setUp({ crash: 1 })
    await executor.end(signal)
    await executor.terminate()
  })

  it('says of an end what did not happen', () => {
    const world = setUp({ lie: 1 })
    const [good, bad] = [taskWorkload(), taskWorkload()]
    for (const workload of [good, bad]) world.executor.queueWorkload(workload, options)
    world.inner.success(dispatchIdOf(good))
    world.inner.fail(dispatchIdOf(bad), { kind: 'exited', exitCode: 7 })
    const exits = world.executor.getEventBuffer().map(({ event }) => (event.kind === 'ended' ? event.exit : null))
    expect(exits).toEqual([
      { kind: 'lost', detail: 'a lie, told on purpose' },
      { kind: 'exited', exitCode: 0 },
    ])
  })

  it('does the same again by the same seed, and something else by another', () => {
    const faultsOf = (seed: number): string[] => {
      const world = setUp({ seed, drop: 0.3, duplicate: 0.3, lie: 0.3 })
      for (let round = 0; round < 20; round += 1) threeEnds(world)()
      return world.faults.map(({ kind, at }) => `${kind} ${at}`)
    }
    expect(faultsOf(7)).toEqual(faultsOf(7))
    expect(faultsOf(8)).not.toEqual(faultsOf(7))
  })

  it('refuses a rate that is no share', () => {
    expect(() => withFaults(Reporting, { seed: 1, drop: 2 })).toThrow('The rate of fault "drop" is 2.')
  })
})
