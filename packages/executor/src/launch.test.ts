import { dispatchIdOf } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { fakeExecutorHost } from '../../../testkit/fake-host.ts'
import { options, ScriptedExecutor, setUp, signal } from '../../../testkit/scripted-executor.ts'
import { taskWorkload } from '../../../testkit/sample-workloads.ts'
import { launchPostponed, launchRefused, outcomeUnknown } from './index.ts'

describe('a launch', () => {
  it('is reported as accepted with the external id', async () => {
    const { executor, queue, reported } = setUp()
    const workload = taskWorkload()
    const dispatchId = dispatchIdOf(workload)
    queue(workload)
    await executor.begin()
    expect(reported).toEqual([{ kind: 'accepted', dispatchId, externalId: `external-${dispatchId}` }])
    expect(executor.watched).toEqual([
      { dispatchId, externalId: `external-${dispatchId}`, taskInstance: workload.taskInstance },
    ])
  })

  it('hands queue and executorConfig to executeAsync', async () => {
    const seen: unknown[] = []
    const { executor } = setUp({
      execute: async (_workload, { queue, executorConfig }) => {
        seen.push({ queue, executorConfig })
        return null
      },
    })
    executor.queueWorkload(taskWorkload(), { queue: 'gpu', executorConfig: { cpu: 2 } })
    await executor.begin()
    expect(seen).toEqual([{ queue: 'gpu', executorConfig: { cpu: 2 } }])
  })

  it('that throws ends as never started, for its workload alone', async () => {
    const bad = taskWorkload()
    const { executor, queue, kinds } = setUp({
      execute: async (workload) => {
        if (workload === bad) throw new Error('no such cluster')
        return null
      },
    })
    queue(taskWorkload(), bad, taskWorkload())
    await executor.begin()
    expect(kinds().toSorted()).toEqual(['accepted', 'accepted', 'ended'])
    const end = executor.getEventBuffer().find(({ event }) => event.kind === 'ended')
    expect(end?.event).toMatchObject({
      dispatchId: dispatchIdOf(bad),
      exit: { kind: 'neverStarted', detail: 'no such cluster' },
    })
    expect(executor.hasTask(dispatchIdOf(bad))).toBe(false)
  })

  it('that is refused for good says so with its end', async () => {
    const { executor, queue } = setUp({ execute: () => Promise.reject(launchRefused('no such cluster')) })
    queue(taskWorkload())
    await executor.begin()
    expect(executor.getEventBuffer().map(({ event }) => event)).toMatchObject([
      { kind: 'ended', exit: { kind: 'neverStarted', detail: 'no such cluster', isPermanent: true } },
    ])
  })

  it('of unknown outcome is repeated with the same dispatch id, after a delay, and reports no end', async () => {
    let calls = 0
    const { executor, queue, kinds, clock } = setUp({
      execute: async () => {
        if (++calls === 1) throw outcomeUnknown('the answer was lost')
        return 'job-1'
      },
    })
    const workload = taskWorkload()
    queue(workload)
    await executor.begin()
    expect(kinds()).toEqual([])
    await executor.begin()
    expect(executor.begun).toHaveLength(1)
    clock.advance(500)
    await executor.begin()
    expect(executor.begun).toEqual([dispatchIdOf(workload), dispatchIdOf(workload)])
    expect(kinds()).toEqual(['accepted'])
  })

  it('that is postponed is tried again after the time it asks for, says what it waits for, and counts as nothing', async () => {
    let calls = 0
    const { executor, queue, kinds, clock } = setUp({
      execute: async () => {
        if (++calls <= 20) throw launchPostponed('there is no room', 45_000)
        return 'job-1'
      },
    })
    const workload = taskWorkload()
    const dispatchId = dispatchIdOf(workload)
    queue(workload)
    expect(executor.waitingFor(dispatchId)).toBe(null)
    for (let turn = 1; turn <= 20; turn += 1) {
      await executor.begin()
      expect(executor.begun).toHaveLength(turn)
      expect(executor.waitingFor(dispatchId)).toBe('there is no room')
      clock.advance(44_999)
      await executor.begin()
      expect(executor.begun).toHaveLength(turn)
      clock.advance(1)
    }
    expect(kinds()).toEqual([])
    await executor.begin()
    expect(kinds()).toEqual(['accepted'])
    expect(executor.waitingFor(dispatchId)).toBe(null)
  })

  it('that is postponed is withdrawn like one that never was tried', async () => {
    const { executor, queue, kinds } = setUp({
      execute: async () => {
        throw launchPostponed('there is no room', 45_000)
      },
    })
    const workload = taskWorkload()
    queue(workload)
    await executor.begin()
    await executor.revokeTask(workload.taskInstance, signal)
    expect(executor.slotsOccupied).toBe(0)
    expect(kinds()).toEqual([])
  })

  it('that takes too long is unknown, and is accepted when its answer comes late after all', async () => {
    const { promise, resolve } = withResolvers<string>()
    const { executor, queue, kinds, clock, logged } = setUp({ execute: () => promise })
    queue(taskWorkload())
    await executor.processWorkloads(signal)
    await eventually(() => executor.begun.length === 1)
    clock.advance(60_000)
    await executor.processWorkloads(signal)
    await eventually(() => logged.some(({ message }) => message === 'outcome of a launch is unknown'))
    expect(kinds()).toEqual([])
    expect(executor.slotsOccupied).toBe(1)
    resolve('job-1')
    await eventually(() => kinds().length > 0)
    expect(kinds()).toEqual(['accepted'])
    clock.advance(60_000)
    await executor.begin()
    expect(executor.begun).toHaveLength(1)
  })

  it('that answers after it was repeated counts once', async () => {
    const first = withResolvers<string>()
    let calls = 0
    const { executor, queue, kinds, clock } = setUp({
      execute: async () => (++calls === 1 ? await first.promise : 'job-1'),
    })
    queue(taskWorkload())
    await executor.processWorkloads(signal)
    await eventually(() => executor.begun.length === 1)
    clock.advance(60_000)
    await eventually(async () => {
      clock.advance(500)
      await executor.processWorkloads(signal)
      return kinds().length > 0
    })
    first.resolve('job-1')
    await executor.begin()
    expect(executor.begun).toHaveLength(2)
    expect(kinds()).toEqual(['accepted'])
  })

  it('that is slow holds up nothing else', async () => {
    const slow = taskWorkload()
    const { executor, queue, kinds } = setUp({
      execute: async (workload) => (workload === slow ? await new Promise(() => undefined) : 'job-2'),
    })
    queue(slow)
    await executor.processWorkloads(signal)
    queue(taskWorkload())
    await executor.processWorkloads(signal)
    await eventually(() => kinds().length > 0)
    expect(kinds()).toEqual(['accepted'])
  })

  it('that is given up is unknown, whatever it throws then', async () => {
    const { executor, queue, kinds } = setUp({
      execute: (_workload, { signal: launchSignal }) =>
        new Promise((_resolve, reject) => {
          launchSignal.addEventListener('abort', () => reject(new Error('connection closed')))
        }),
    })
    queue(taskWorkload())
    await executor.processWorkloads(signal)
    await eventually(() => executor.begun.length === 1)
    await executor.terminate()
    await executor.begin()
    expect(kinds()).toEqual([])
    expect(executor.slotsOccupied).toBe(1)
  })

  it('may report that it runs, and even that it ended, before it answers', async () => {
    const { executor, queue, kinds } = setUp()
    executor.execute = async (workload) => {
      executor.running(dispatchIdOf(workload))
      executor.fail(dispatchIdOf(workload), { kind: 'exited', exitCode: 3 })
      return 'job-1'
    }
    queue(taskWorkload())
    await executor.begin()
    expect(kinds()).toEqual(['running', 'ended'])
    expect(executor.slotsOccupied).toBe(0)
  })

  it('adds the external id of a workload that was seen running before', async () => {
    const { executor, queue, reported } = setUp()
    executor.execute = async (workload) => {
      executor.running(dispatchIdOf(workload))
      return 'job-1'
    }
    queue(taskWorkload())
    await executor.begin()
    expect(reported.map(({ kind, externalId }) => [kind, externalId])).toEqual([
      ['running', null],
      ['accepted', 'job-1'],
    ])
  })

  it('of a batch settles each workload by its own result, and a missing result is unknown', async () => {
    class BatchExecutor extends ScriptedExecutor {
      override readonly maxBatchSize = 3
      override async executeBatch() {
        return [
          { kind: 'accepted' as const, externalId: 'a' },
          { kind: 'neverStarted' as const, detail: 'quota' },
        ]
      }
    }
    const executor = new BatchExecutor(fakeExecutorHost().host)
    for (let count = 0; count < 3; count += 1) executor.queueWorkload(taskWorkload(), options)
    await executor.begin()
    expect(executor.getEventBuffer().map(({ event }) => event.kind)).toEqual(['accepted', 'ended'])
    expect(executor.slotsOccupied).toBe(2)
  })
})

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((given) => (resolve = given))
  return { promise, resolve }
}
