import { dispatchIdOf } from '@fairlead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { setUp, signal } from '../../../testkit/scripted-executor.ts'
import { taskWorkload } from '../../../testkit/sample-workloads.ts'
import { type ExecutorEvent } from './index.ts'

describe('events', () => {
  it('of unknown dispatch ids are kept for dispatch to judge', () => {
    const { executor } = setUp()
    const [a, b, c] = [taskWorkload(), taskWorkload(), taskWorkload()].map(dispatchIdOf)
    executor.fail(a!, { kind: 'lost', detail: 'gone' })
    executor.fail(b!, { kind: 'lost', detail: 'gone' })
    executor.success(c!)
    expect(executor.getEventBuffer()).toHaveLength(3)
    expect(executor.slotsOccupied).toBe(0)
  })

  it('end a dispatch once: a second end, and anything after it, is dropped and counted', () => {
    const { executor, kinds, reported } = setUp()
    const dispatchId = dispatchIdOf(taskWorkload())
    executor.success(dispatchId)
    executor.fail(dispatchId, { kind: 'lost', detail: 'too late' })
    executor.running(dispatchId)
    expect(kinds()).toEqual(['ended'])
    expect(reported).toHaveLength(1)
    expect(executor.droppedEventCount).toBe(2)
  })

  it('say once that a workload runs, however often it is polled', async () => {
    const { executor, queue, kinds } = setUp()
    const workload = taskWorkload()
    queue(workload)
    await executor.begin()
    executor.running(dispatchIdOf(workload))
    executor.running(dispatchIdOf(workload))
    expect(kinds()).toEqual(['accepted', 'running'])
  })

  it('are never lost and never seen again once acknowledged, in any interleaving', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'report' as const }),
      fc.record({ kind: fc.constant('commit' as const), upTo: fc.nat(30) }),
      fc.constant({ kind: 'crashBeforeAcknowledge' as const }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { executor } = setUp()
        const reported: ExecutorEvent[] = []
        const recorded: ExecutorEvent[] = []
        for (const current of steps) {
          if (current.kind === 'report') {
            executor.success(dispatchIdOf(taskWorkload()))
            reported.push(executor.getEventBuffer().at(-1)!.event)
          }
          const peeked = executor.getEventBuffer()
          if (current.kind === 'commit' && peeked.length > 0) {
            const batch = peeked.slice(0, current.upTo + 1)
            recorded.push(...batch.map(({ event }) => event))
            executor.acknowledgeEvents(batch.at(-1)!.place)
          }
        }
        recorded.push(...executor.getEventBuffer().map(({ event }) => event))
        expect(recorded).toEqual(reported)
      }),
    )
  })

  it('do not change under a reader who looks at them while more arrive', () => {
    const { executor } = setUp()
    executor.success(dispatchIdOf(taskWorkload()))
    const peeked = executor.getEventBuffer()
    executor.success(dispatchIdOf(taskWorkload()))
    expect(peeked).toHaveLength(1)
    executor.acknowledgeEvents(peeked[0]!.place)
    expect(executor.getEventBuffer()).toHaveLength(1)
  })

  it('keep their place when dispatch acknowledges a place that does not exist yet', () => {
    const { executor } = setUp()
    executor.acknowledgeEvents(1000)
    executor.success(dispatchIdOf(taskWorkload()))
    expect(executor.getEventBuffer()).toHaveLength(1)
  })
})

describe('revoking', () => {
  it('forgets what is still queued, without an event', async () => {
    const { executor, queue, kinds } = setUp()
    const workload = taskWorkload()
    queue(workload)
    await executor.revokeTask(workload.taskInstance, signal)
    await executor.begin()
    expect(executor.begun).toEqual([])
    expect(kinds()).toEqual([])
    expect(executor.hasTask(dispatchIdOf(workload))).toBe(false)
  })

  it('resolves quietly for what is unknown or finished', async () => {
    const { executor, queue } = setUp()
    const workload = taskWorkload()
    queue(workload)
    await executor.begin()
    executor.success(dispatchIdOf(workload))
    await executor.revokeTask(workload.taskInstance, signal)
    await executor.revokeTask(taskWorkload().taskInstance, signal)
  })

  it('of running work is refused by name while the class cannot stop it', async () => {
    const { executor, queue } = setUp()
    const workload = taskWorkload()
    queue(workload)
    await executor.begin()
    await expect(executor.revokeTask(workload.taskInstance, signal)).rejects.toThrow(
      /cannot stop dispatch .* of task "load": ScriptedExecutor has no revokeTask/,
    )
    expect(executor.hasTask(dispatchIdOf(workload))).toBe(true)
  })

  it('that fails outside loses sight of nothing: the workload stays held, and its end is heard', async () => {
    const { executor, queue, kinds } = setUp()
    const workload = taskWorkload()
    queue(workload)
    await executor.withdraw(dispatchIdOf(workload))
    await executor.begin()
    expect(executor.begun).toEqual([])
    expect(executor.hasTask(dispatchIdOf(workload))).toBe(true)
    executor.success(dispatchIdOf(workload))
    expect(kinds()).toEqual(['ended'])
    expect(executor.slotsOccupied).toBe(0)
  })

  it('of a launch under way aborts it, waits until it is over, and hears nothing of it again', async () => {
    const { executor, queue, kinds } = setUp({
      execute: (_workload, { signal: launchSignal }) =>
        new Promise((resolve) => launchSignal.addEventListener('abort', () => resolve('late'))),
    })
    const workload = taskWorkload()
    queue(workload)
    await executor.processWorkloads(signal)
    await eventually(() => executor.begun.length === 1)
    await executor.forget(dispatchIdOf(workload))
    expect(kinds()).toEqual([])
    expect(executor.slotsOccupied).toBe(0)
  })
})

describe('adoption, end and terminate', () => {
  it('watches adopted work with its external id, and counts its slot', () => {
    const { executor } = setUp()
    const { taskInstance } = taskWorkload({ taskInstance: { externalId: 'job-9' } })
    executor.adopt(taskInstance)
    expect(executor.hasTask(taskInstance.dispatchId)).toBe(true)
    executor.success(taskInstance.dispatchId)
    expect(executor.getEventBuffer()[0]?.event.externalId).toBe('job-9')
    expect(executor.slotsOccupied).toBe(0)
  })

  it('launches nothing more after end, and waits for the launches under way', async () => {
    const { promise, resolve } = withResolvers<string>()
    const { executor, queue, kinds } = setUp({ parallelism: 1, execute: () => promise })
    queue(taskWorkload(), taskWorkload())
    await executor.processWorkloads(signal)
    await eventually(() => executor.begun.length === 1)
    const ending = executor.end(signal)
    resolve('job-1')
    await ending
    await executor.begin()
    expect(kinds()).toEqual(['accepted'])
    expect(executor.begun).toHaveLength(1)
    expect(() => queue(taskWorkload())).toThrow(/shutting down/)
  })
})

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((given) => (resolve = given))
  return { promise, resolve }
}
