import { describe, expect, it } from 'vitest'
import {
  admit,
  runTaskKey,
  taskKey,
  type AdmissionInput,
  type Candidate,
  type PoolCapacity,
  type RunCapacity,
} from './admission.ts'
import type { Lane } from './lane.ts'
import type { ExecutorCapacity } from './route.ts'

const NOW = 1_000_000
const RUN: RunCapacity = { isRunning: true, isPaused: false, freePlaces: 16, maxActiveTasks: 16 }
const OPEN: ExecutorCapacity = { kind: 'open', freeSlots: 32, parallelism: 32 }

const LANE: Lane = { executors: ['local'], fallback: 'unavailable', pool: 'pool', poolSlots: 1, limits: null }
const POOLS = new Map([['pool', { slots: Infinity, used: 0 }]])

/** Adds a lane's own parts to a plain one. */
const lane = (overrides: Partial<Lane>): { lane: Lane } => ({ lane: { ...LANE, ...overrides } })
const on = (...executors: string[]): { lane: Lane } => lane({ executors })

const candidate = (id: string, overrides: Partial<Candidate> = {}): Candidate => ({
  id,
  lane: LANE,
  runKey: 1,
  priority: 1,
  orderDate: 0,
  taskIndex: 0,
  mapIndex: -1,
  readyAt: null,
  ...overrides,
})

const state = (candidates: Candidate[], overrides: Partial<AdmissionInput> = {}): AdmissionInput => ({
  now: NOW,
  candidates,
  executors: new Map([['local', OPEN]]),
  runs: new Map([[1, RUN]]),
  pools: POOLS,
  activeTis: new Map(),
  ...overrides,
})

const local = (capacity: Partial<Extract<ExecutorCapacity, { kind: 'open' }>>): Partial<AdmissionInput> => ({
  executors: new Map([['local', { ...OPEN, ...capacity }]]),
})

const admittedIds = (input: AdmissionInput): string[] => admit(input).admitted.map(({ candidate: { id } }) => id)

describe('the order in which candidates go', () => {
  it.each([
    { rule: 'higher priority', first: { priority: 2 }, second: { priority: 1, orderDate: -1 } },
    { rule: 'earlier date', first: { orderDate: 1, runKey: 2 }, second: { orderDate: 2, runKey: 1 } },
    { rule: 'earlier run', first: { runKey: 1, taskIndex: 5 }, second: { runKey: 2, taskIndex: 0 } },
    { rule: 'earlier task', first: { taskIndex: 1, mapIndex: 5 }, second: { taskIndex: 2, mapIndex: 0 } },
    { rule: 'lower map index', first: { mapIndex: 0 }, second: { mapIndex: 1 } },
  ])('is by $rule', ({ first, second }) => {
    const candidates = [candidate('second', second), candidate('first', first)]
    const runs = new Map([1, 2].map((runKey) => [runKey, RUN]))
    expect(admittedIds(state(candidates, { runs }))).toEqual(['first', 'second'])
    expect(admittedIds(state(candidates, { runs, ...local({ freeSlots: 1 }) }))).toEqual(['first'])
  })
})

const limited = ({ perDag = null, perRun = null }: { perDag?: number | null; perRun?: number | null }) =>
  lane({
    limits: { dagId: 'dag', taskId: 'task', perDag, perRun: perRun === null ? null : { runKey: 1, limit: perRun } },
  })

const pool = (capacity: Partial<PoolCapacity>): Partial<AdmissionInput> => ({
  pools: new Map([['pool', { slots: Infinity, used: 0, ...capacity }]]),
})

describe('a chain of executors', () => {
  const full: ExecutorCapacity = { ...OPEN, freeSlots: 0 }
  const down: ExecutorCapacity = { kind: 'unhealthy', reason: 'no answer' }
  const isDown = { kind: 'executor_unhealthy', executor: 'a', reason: 'no answer' } as const
  const isStarting = { kind: 'executor_unhealthy', executor: 'a', reason: 'it is starting' } as const
  const isFull = (executor: string) => ({ kind: 'executor_full', executor, parallelism: 32 }) as const
  const isMissing = (executor: string) => ({ kind: 'executor_not_configured', executor }) as const
  const starting: ExecutorCapacity = { kind: 'starting' }

  const cases: ReadonlyArray<{
    rule: Lane['fallback']
    a?: ExecutorCapacity
    b?: ExecutorCapacity
    goes?: 'a' | 'b'
    told?: object
    passedOver: readonly object[]
  }> = [
    { rule: 'unavailable', a: OPEN, b: OPEN, goes: 'a', passedOver: [] },
    { rule: 'unavailable', a: down, b: OPEN, goes: 'b', passedOver: [isDown] },
    { rule: 'unavailable', b: OPEN, goes: 'b', passedOver: [isMissing('a')] },
    { rule: 'unavailable', a: full, b: OPEN, told: isFull('a'), passedOver: [] },
    { rule: 'unavailable', a: starting, b: OPEN, told: isStarting, passedOver: [] },
    { rule: 'unavailable', a: down, b: full, told: isFull('b'), passedOver: [isDown] },
    { rule: 'unavailable', a: down, told: isDown, passedOver: [isMissing('b')] },
    { rule: 'full', a: OPEN, b: OPEN, goes: 'a', passedOver: [] },
    { rule: 'full', a: full, b: OPEN, goes: 'b', passedOver: [isFull('a')] },
    { rule: 'full', a: starting, b: OPEN, goes: 'b', passedOver: [isStarting] },
    { rule: 'full', a: full, b: full, told: isFull('a'), passedOver: [isFull('b')] },
    { rule: 'full', a: down, b: full, told: isFull('b'), passedOver: [isDown] },
  ]
  it.each(cases)('by the rule $rule, a being $a.kind $a.freeSlots and b $b.kind $b.freeSlots', (one) => {
    const executors = new Map(
      Object.entries({ a: one.a, b: one.b }).flatMap(([n, c]) => (c === undefined ? [] : [[n, c]])),
    )
    const waiting = candidate('one', lane({ executors: ['a', 'b'], fallback: one.rule }))
    const { admitted, held } = admit(state([waiting], { executors }))
    const went = admitted.map(({ executor, passedOver }) => ({ executor, passedOver }))
    expect(went).toEqual(one.goes === undefined ? [] : [{ executor: one.goes, passedOver: one.passedOver }])
    expect([...held.values()]).toEqual(one.told === undefined ? [] : [{ ...one.told, passedOver: one.passedOver }])
  })

  it('goes on to the next executor when the first one fills up in between', () => {
    const both = lane({ executors: ['a', 'b'], fallback: 'full' })
    const candidates = [
      candidate('1', both),
      candidate('2', { ...both, taskIndex: 1 }),
      candidate('3', { ...both, taskIndex: 2 }),
    ]
    const executors = new Map([
      ['a', { ...OPEN, freeSlots: 1 }],
      ['b', { ...OPEN, freeSlots: 1 }],
    ])
    const { admitted, held } = admit(state(candidates, { executors }))
    expect(admitted.map((one) => [one.candidate.id, one.executor])).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
    expect(held.get('3')?.kind).toBe('executor_full')
  })
})

describe('a candidate is held', () => {
  const one = [candidate('one')]
  const run = (capacity: Partial<RunCapacity>) => ({ runs: new Map([[1, { ...RUN, ...capacity }]]) })

  it.each([
    {
      reason: 'while its launch backs off',
      input: state([candidate('one', { readyAt: NOW + 1 })]),
      gate: { kind: 'launch_backoff', until: NOW + 1 },
    },
    { reason: 'when its run is not known', input: state(one, { runs: new Map() }), gate: { kind: 'run_not_running' } },
    {
      reason: 'until its run is running',
      input: state(one, run({ isRunning: false })),
      gate: { kind: 'run_not_running' },
    },
    { reason: 'while its Dag is paused', input: state(one, run({ isPaused: true })), gate: { kind: 'dag_paused' } },
    {
      reason: 'when its run has no place left',
      input: state(one, run({ freePlaces: 0 })),
      gate: { kind: 'max_active_tasks', limit: 16 },
    },
    {
      reason: 'when its run has more than its places taken',
      input: state(one, run({ freePlaces: -2 })),
      gate: { kind: 'max_active_tasks', limit: 16 },
    },
    {
      reason: 'when its executor is not configured',
      input: state([candidate('one', on('ecs'))]),
      gate: { kind: 'executor_not_configured', executor: 'ecs', passedOver: [] },
    },
    {
      reason: 'while its executor is unhealthy',
      input: state(one, { executors: new Map([['local', { kind: 'unhealthy', reason: 'no answer' }]]) }),
      gate: { kind: 'executor_unhealthy', executor: 'local', reason: 'no answer', passedOver: [] },
    },
    {
      reason: 'while its executor starts',
      input: state(one, { executors: new Map([['local', { kind: 'starting' }]]) }),
      gate: { kind: 'executor_unhealthy', executor: 'local', reason: 'it is starting', passedOver: [] },
    },
    {
      reason: 'when its executor is full',
      input: state(one, local({ freeSlots: 0 })),
      gate: { kind: 'executor_full', executor: 'local', parallelism: 32, passedOver: [] },
    },
    {
      reason: 'when its executor has more than its slots taken',
      input: state(one, local({ freeSlots: -1 })),
      gate: { kind: 'executor_full', executor: 'local', parallelism: 32, passedOver: [] },
    },
    {
      reason: 'when there is no such pool',
      input: state([candidate('one', lane({ pool: 'sea' }))]),
      gate: { kind: 'pool_missing', pool: 'sea' },
    },
    {
      reason: 'when it needs more slots than its pool has',
      input: state([candidate('one', lane({ poolSlots: 4 }))], pool({ slots: 3 })),
      gate: { kind: 'pool_too_small', pool: 'pool', slots: 3, needs: 4 },
    },
    {
      reason: 'when its pool is shut',
      input: state(one, pool({ slots: 0 })),
      gate: { kind: 'pool_too_small', pool: 'pool', slots: 0, needs: 1 },
    },
    {
      reason: 'when too few slots of its pool are open',
      input: state([candidate('one', lane({ poolSlots: 2 }))], pool({ slots: 3, used: 2 })),
      gate: { kind: 'pool_full', pool: 'pool', slots: 3, needs: 2 },
    },
    {
      reason: 'when more of its pool is in use than it has',
      input: state(one, pool({ slots: 3, used: 9 })),
      gate: { kind: 'pool_full', pool: 'pool', slots: 3, needs: 1 },
    },
    {
      reason: 'when as many of its task are active as may be, over all runs',
      input: state([candidate('one', limited({ perDag: 2 }))], { activeTis: new Map([[taskKey('dag', 'task'), 2]]) }),
      gate: { kind: 'max_active_tis_per_dag', limit: 2 },
    },
    {
      reason: 'when as many of its task are active as may be in its run',
      input: state([candidate('one', limited({ perRun: 1 }))], { activeTis: new Map([[runTaskKey(1, 'task'), 1]]) }),
      gate: { kind: 'max_active_tis_per_dagrun', limit: 1 },
    },
  ])('$reason', ({ input, gate }) => {
    expect(admit(input)).toEqual({ admitted: [], held: new Map([['one', gate]]) })
  })

  it('no longer once its backoff has passed', () => {
    expect(admittedIds(state([candidate('one', { readyAt: NOW })]))).toEqual(['one'])
  })
})

describe('a held candidate does not hold those behind it', () => {
  it('on another executor', () => {
    const candidates = [candidate('first', { ...on('ecs'), priority: 9 }), candidate('second')]
    expect(admittedIds(state(candidates))).toEqual(['second'])
  })

  it('in another run', () => {
    const candidates = [candidate('first', { runKey: 1, priority: 9 }), candidate('second', { runKey: 2 })]
    const runs = new Map([1, 2].map((runKey) => [runKey, { ...RUN, freePlaces: runKey - 1 }]))
    expect(admittedIds(state(candidates, { runs }))).toEqual(['second'])
  })

  it('in another pool', () => {
    const candidates = [candidate('first', { ...lane({ pool: 'sea' }), priority: 9 }), candidate('second')]
    expect(admittedIds(state(candidates))).toEqual(['second'])
  })

  it('in the same pool while it needs fewer slots', () => {
    const candidates = [candidate('first', { ...lane({ poolSlots: 3 }), priority: 9 }), candidate('second')]
    expect(admittedIds(state(candidates, pool({ slots: 4, used: 2 })))).toEqual(['second'])
  })

  it('of another task while it is at its limit', () => {
    const candidates = [candidate('first', { ...limited({ perDag: 1 }), priority: 9 }), candidate('second')]
    expect(admittedIds(state(candidates, { activeTis: new Map([[taskKey('dag', 'task'), 1]]) }))).toEqual(['second'])
  })

  it('in the same run and executor while only its own launch backs off', () => {
    const candidates = [candidate('first', { priority: 9, readyAt: NOW + 1 }), candidate('second')]
    expect(admittedIds(state(candidates, local({ freeSlots: 1 })))).toEqual(['second'])
  })
})
