import { dispatchIdOf, type Workload } from '@fairlead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeExecutorHost } from '../../../testkit/fake-host.ts'
import { options, setUp, signal, TaskOnlyExecutor } from '../../../testkit/scripted-executor.ts'
import { callbackWorkload, taskWorkload } from '../../../testkit/sample-workloads.ts'
import { BaseExecutor, capabilitiesOf, DEFAULT_CAPABILITIES } from './index.ts'

describe('BaseExecutor', () => {
  it.each([0, -1, 1.5, Number.NaN])('refuses a parallelism of %d and names the executor', (parallelism) => {
    expect(() => setUp({ parallelism })).toThrow(/parallelism of executor "fake" is .*1 or more/)
  })

  it('is a production executor without callbacks, logs, sentry or schemas unless its class says so', () => {
    expect(capabilitiesOf(BaseExecutor)).toEqual(DEFAULT_CAPABILITIES)
    expect(DEFAULT_CAPABILITIES).toEqual({
      supportsCallbacks: false,
      supportsAdHocTiRun: false,
      isLocal: false,
      isSingleThreaded: false,
      isProduction: true,
      servesLogs: false,
      preAssignsExternalExecutorId: false,
      sentryIntegration: null,
      changeSensorModeToReschedule: false,
      supportsAdoption: false,
      supportsCancel: false,
      servesLiveLogs: false,
      maxRuntimeMs: null,
      maxPayloadBytes: null,
      configSchema: null,
      executorConfigSchema: null,
    })
  })

  it('cannot do what a class of an older release does not speak of', () => {
    class Older {
      static readonly isLocal = true
    }
    expect(capabilitiesOf(Older)).toEqual({ ...DEFAULT_CAPABILITIES, isLocal: true })
  })

  it('hands callbacks to the outbox of its host, and says so where there is none', async () => {
    const request = { kind: 'onFailure', dagId: 'sales', runId: 'r', taskInstance: null, detail: 'why' } as const
    const sent: unknown[] = []
    await setUp({ sendCallback: async (one) => void sent.push(one) }).executor.sendCallback(request)
    expect(sent).toEqual([request])
    await expect(setUp().executor.sendCallback(request)).rejects.toThrow(
      /"fake" cannot send the callback onFailure of Dag "sales": there is no callback outbox here/,
    )
  })

  it('has no task log and adopts nothing by itself', async () => {
    const { executor } = setUp()
    const refs = [1, 2, 3].map(() => taskWorkload().taskInstance)
    expect(await executor.getTaskLog(refs[0]!, 1)).toBeNull()
    expect(await executor.tryAdoptTaskInstances(refs, signal)).toEqual(refs)
  })

  it('reports gauges, begins what is queued and then syncs on a heartbeat', async () => {
    const { executor, queue, gauges } = setUp({ parallelism: 5 })
    queue(taskWorkload(), taskWorkload())
    await executor.heartbeat()
    expect(executor.begun).toHaveLength(2)
    expect(executor.syncCount).toBe(1)
    await executor.heartbeat()
    expect(Object.fromEntries(gauges)).toEqual({
      'executor.open_slots': 3,
      'executor.queued_tasks': 0,
      'executor.running_tasks': 2,
    })
  })

  it('begins nothing when nothing is queued', async () => {
    const { executor } = setUp()
    await executor.begin()
    expect(executor.begun).toEqual([])
  })
})

describe('queueWorkload', () => {
  it('refuses a workload that is larger than its class can pass on', () => {
    class Narrow extends TaskOnlyExecutor {
      static override readonly maxPayloadBytes = 1000
    }
    const { host } = fakeExecutorHost()
    const shell = (command: string) =>
      taskWorkload({ program: { kind: 'shell', command, env: {}, cwd: null, skipOnExitCode: null } })
    expect(() => new Narrow(host).queueWorkload(shell('true'), options)).not.toThrow()
    expect(() => new Narrow(host).queueWorkload(shell('é'.repeat(500)), options)).toThrow(
      /The workload is 1\d\d\d bytes of JSON, and executor "fake" passes on 1000 at most/,
    )
  })

  it('accepts a known dispatch id again quietly, whether queued, running or ended', async () => {
    const { executor, queue } = setUp()
    const workload = taskWorkload()
    queue(workload, workload)
    expect(executor.slotsOccupied).toBe(1)
    await executor.begin()
    queue(workload)
    executor.success(dispatchIdOf(workload))
    queue(workload)
    await executor.begin()
    expect(executor.begun).toHaveLength(1)
    expect(executor.slotsOccupied).toBe(0)
  })

  it('takes a new dispatch of the same task instance while the old one still runs', async () => {
    const { executor, queue } = setUp()
    const first = taskWorkload()
    queue(first)
    await executor.begin()
    queue(taskWorkload({ taskInstance: { id: first.taskInstance.id } }))
    await executor.begin()
    expect(executor.begun).toHaveLength(2)
  })

  it('refuses a callback by its type when the class does not run callbacks', () => {
    const executor = new TaskOnlyExecutor(fakeExecutorHost().host)
    expect(() => executor.queueWorkload(callbackWorkload(), options)).toThrow(
      'Executor "fake" (TaskOnlyExecutor) does not run workloads of type ExecuteCallback.',
    )
  })

  it('refuses a workload type that it does not know', () => {
    const { executor } = setUp()
    const foreign = { ...taskWorkload(), type: 'TestConnection' } as unknown as Workload
    expect(() => executor.queueWorkload(foreign, options)).toThrow(/workloads of type TestConnection/)
  })

  it('counts queued, launching and running workloads as occupied slots', async () => {
    const { executor, queue } = setUp({ parallelism: 2 })
    queue(taskWorkload(), taskWorkload(), taskWorkload())
    await executor.begin()
    expect(executor.begun).toHaveLength(2)
    expect([executor.slotsOccupied, executor.slotsAvailable]).toEqual([3, 0])
    executor.success(executor.begun[0]!)
    expect([executor.slotsOccupied, executor.slotsAvailable]).toEqual([2, 0])
  })
})

describe('the order of launches', () => {
  it('puts callbacks before tasks', async () => {
    const { executor, queue } = setUp()
    const callback = callbackWorkload()
    queue(taskWorkload({ taskInstance: { priorityWeight: 9 } }), taskWorkload(), callback, taskWorkload())
    await executor.begin()
    expect(executor.begun).toHaveLength(4)
    expect(executor.begun[0]).toBe(callback.dispatchId)
  })

  it('follows priority, and arrival among equals, under any schedule of slots', async () => {
    const scene = fc.record({
      parallelism: fc.integer({ min: 1, max: 4 }),
      weights: fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 20 }),
      ends: fc.infiniteStream(fc.nat()),
    })
    await fc.assert(
      fc.asyncProperty(scene, async ({ parallelism, weights, ends }) => {
        const { executor, queue } = setUp({ parallelism })
        const workloads = weights.map((priorityWeight) => taskWorkload({ taskInstance: { priorityWeight } }))
        queue(...workloads)
        while (executor.slotsOccupied > 0) {
          await executor.begin()
          const running = executor.begun.filter((dispatchId) => executor.hasTask(dispatchId))
          expect(running.length).toBeLessThanOrEqual(parallelism)
          executor.success(running[ends.next().value! % running.length]!)
        }
        const expected = workloads.toSorted((a, b) => b.taskInstance.priorityWeight - a.taskInstance.priorityWeight)
        expect(executor.begun).toEqual(expected.map(dispatchIdOf))
      }),
      { numRuns: 50 },
    )
  })

  it('begins no more than the bounded number of calls at once', async () => {
    let underWay = 0
    let most = 0
    const { executor, queue } = setUp({
      parallelism: 100,
      execute: async () => {
        most = Math.max(most, ++underWay)
        await new Promise(setImmediate)
        underWay -= 1
        return null
      },
    })
    queue(...Array.from({ length: 50 }, () => taskWorkload()))
    await executor.begin()
    expect(executor.begun).toHaveLength(50)
    expect(most).toBe(16)
  })
})
