import { BaseExecutor, type ExecutorHost } from '@fairlead/executor'
import type { TaskInstanceRef } from '@fairlead/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeExecutorHost } from '../../../../testkit/fake-host.ts'
import { ManualClock } from '../../../../testkit/manual-clock.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { NO_FAULTS } from '../model/environment.ts'
import { NO_LOG } from '../observability/log.ts'
import { openMetrics, type ServedMetrics } from '../observability/metrics.ts'
import { ManagedExecutor } from './managed-executor.ts'

/** Does in each of its members what the test says. */
class FickleExecutor extends BaseExecutor {
  readonly calls: string[] = []
  readonly does: Record<string, (signal: AbortSignal) => Promise<void>> = {}
  override readonly syncIntervalMs = 1_000

  constructor(host: ExecutorHost) {
    super(host)
  }

  #play(member: string, signal: AbortSignal): Promise<void> {
    this.calls.push(member)
    return this.does[member]?.(signal) ?? Promise.resolve()
  }

  override start(signal: AbortSignal): Promise<void> {
    return this.#play('start', signal)
  }

  async executeAsync(): Promise<string | null> {
    return null
  }

  override revokeTask(_ref: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    return this.#play('revokeTask', signal)
  }

  async sync({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.#play('sync', signal)
  }
}

const CALL_MS = 30_000
const hang = (): Promise<void> => new Promise(() => undefined)
const fail = (): Promise<void> => Promise.reject(new Error('no connection'))

let clock: ManualClock
let executor: FickleExecutor
let managed: ManagedExecutor
let metrics: ServedMetrics
let stopping: AbortController
let running: Promise<void>
let adoptions: number
let adoption: () => Promise<void>
let changes: number

/** Lets everything run that waits for no time. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}
/** Moves time on step by step, so that each sleep ends in its turn. */
const pass = async (ms: number): Promise<void> => {
  await settle()
  for (let left = ms; left > 0; left -= 500) {
    clock.advance(Math.min(left, 500))
    await settle()
  }
}
const count = (member: string): number => executor.calls.filter((call) => call === member).length

beforeEach(() => {
  clock = new ManualClock()
  executor = new FickleExecutor(fakeExecutorHost({ clock }).host)
  metrics = openMetrics('airflow')
  stopping = new AbortController()
  adoptions = 0
  changes = 0
  adoption = () => Promise.resolve()
  managed = new ManagedExecutor({
    executor,
    environment: { clock, random: { unit: () => 1, uuid: () => '' }, faults: NO_FAULTS },
    log: NO_LOG,
    metrics,
    timeouts: { startMs: 10_000, callMs: CALL_MS },
    onHealthy: () => {
      adoptions += 1
      return adoption()
    },
    onChange: () => void (changes += 1),
  })
})
afterEach(async () => {
  stopping.abort(new Error('The test is over.'))
  await settle()
  await running
})

const run = async (): Promise<void> => {
  running = managed.run(stopping.signal)
  await settle()
}

describe('an executor under guard', () => {
  it('is starting, then healthy after start and adoption, and stopped at the end', async () => {
    expect(managed.condition.kind).toBe('starting')
    expect(managed.offer).toEqual({ kind: 'starting' })
    await run()
    expect(managed.condition.kind).toBe('healthy')
    expect(managed.offer).toEqual({ kind: 'open', parallelism: executor.parallelism })
    expect(adoptions).toBe(1)
    stopping.abort(new Error('over'))
    await running
    expect(managed.condition.kind).toBe('stopped')
    expect(changes).toBe(2)
  })

  it('stays healthy while a stop takes long or is refused, which concerns that work alone', async () => {
    await run()
    for (const stops of [hang, fail]) {
      executor.does['revokeTask'] = stops
      const revocation = managed.revoke(taskWorkload().taskInstance, stopping.signal)
      await pass(CALL_MS)
      expect((await revocation).kind).toBe('unconfirmed')
      expect(managed.condition.kind).toBe('healthy')
    }
  })

  it('is degraded by a start that throws, with the message, and heals once it does not', async () => {
    executor.does['start'] = fail
    const since = clock.now()
    await run()
    expect(managed.condition).toEqual({
      kind: 'degraded',
      since,
      reason: 'start: no connection',
      failures: 1,
      nextTryAt: clock.now() + 500,
    })
    expect(managed.offer).toEqual({ kind: 'unhealthy', reason: 'start: no connection' })
    await pass(3_500)
    expect(managed.condition).toMatchObject({ failures: 4 })
    expect(count('start')).toBe(4)
    delete executor.does['start']
    await pass(4_000)
    expect(managed.condition.kind).toBe('healthy')
    expect(managed.lastFailure).toMatchObject({ member: 'start', how: 'threw', reason: 'no connection' })
  })

  it('is degraded by an adoption that fails, and adopts again', async () => {
    adoption = fail
    await run()
    expect(managed.condition).toMatchObject({ kind: 'degraded', reason: 'adoption: no connection', failures: 1 })
    adoption = () => Promise.resolve()
    await pass(500)
    expect(managed.condition.kind).toBe('healthy')
    expect(adoptions).toBe(2)
  })

  it('survives two throws of sync and is degraded by the third', async () => {
    await run()
    executor.does['sync'] = fail
    await pass(2_000)
    expect(managed.condition.kind).toBe('healthy')
    await pass(1_000)
    expect(managed.condition).toMatchObject({ kind: 'degraded', reason: 'sync: no connection' })
  })

  it('starts to count anew after an answer', async () => {
    await run()
    let turn = 0
    executor.does['sync'] = () => (++turn % 3 === 0 ? Promise.resolve() : fail())
    await pass(30_000)
    expect(managed.condition.kind).toBe('healthy')
  })

  it('offers nothing while sync goes on throwing, though start works, and waits ever longer', async () => {
    await run()
    executor.does['sync'] = fail
    await pass(3_000)
    const offers = new Set<string>()
    for (let second = 0; second < 60; second++) {
      await pass(1_000)
      offers.add(managed.offer.kind)
    }
    expect([...offers]).toEqual(['unhealthy'])
    expect(count('start')).toBeLessThan(10)
    delete executor.does['sync']
    await pass(60_000)
    expect(managed.condition.kind).toBe('healthy')
  })

  it('is degraded by a call that hangs, and never makes that call again while it hangs', async () => {
    await run()
    let end = (): void => undefined
    executor.does['sync'] = () => new Promise((resolve) => (end = resolve))
    await pass(1_000 + CALL_MS)
    expect(managed.condition).toMatchObject({ kind: 'degraded', reason: 'sync: it did not answer within 30000 ms' })
    const calls = count('sync')
    await pass(120_000)
    expect(count('sync')).toBe(calls)
    expect(managed.condition).toMatchObject({ reason: 'sync: an earlier call has still not ended' })
    delete executor.does['sync']
    end()
    await pass(60_000)
    expect(managed.condition.kind).toBe('healthy')
  })

  it('gives up a call that never ends, and tries again', async () => {
    await run()
    executor.does['sync'] = hang
    await pass(1_000 + CALL_MS)
    delete executor.does['sync']
    await pass(10 * CALL_MS + 60_000)
    expect(managed.condition.kind).toBe('healthy')
  })

  it('is degraded when it blocks the event loop, by name and for how long', async () => {
    await run()
    executor.does['sync'] = () => {
      clock.advance(10_000)
      return Promise.resolve()
    }
    await pass(1_000)
    expect(managed.condition).toMatchObject({ reason: 'sync: it blocked the event loop for 10000 ms' })
    expect(await metrics.text()).toContain('airflow_executor_loop_blocked_sum{executor="fake",method="sync"} 10000')
    delete executor.does['sync']
    await pass(2_000)
    expect(managed.condition.kind).toBe('healthy')
  })

  it('is degraded when something else that it alone can have done blocked the event loop', async () => {
    await run()
    managed.blame('sync', 7_000)
    expect(managed.condition).toMatchObject({
      reason: 'sync: the event loop was blocked for 7000 ms while this was the only call under way',
    })
  })

  it('keeps a throw of what should only answer from everybody else', async () => {
    await run()
    executor.hasTask = () => {
      throw new Error('no memory')
    }
    const id = '0190f2a5-0000-7000-8000-000000000001' as Parameters<ManagedExecutor['holds']>[0]
    expect(managed.holds(id)).toBe(true)
    expect(managed.condition.kind).toBe('healthy')
    managed.holds(id)
    managed.holds(id)
    expect(managed.condition).toMatchObject({ reason: 'hasTask: no memory' })
  })

  it('counts calls and failures by method', async () => {
    await run()
    executor.does['sync'] = fail
    await pass(2_000)
    const text = await metrics.text()
    expect(text).toContain('airflow_executor_calls{executor="fake",method="start"} 1')
    expect(text).toContain('airflow_executor_calls{executor="fake",method="sync"} 2')
    expect(text).toContain('airflow_executor_call_failures{executor="fake",method="sync",how="threw"} 2')
  })
})
