import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admitByTheBook, isAhead } from '../../../../testkit/admission-oracle.ts'
import {
  admissionOrder,
  admit,
  type AdmissionInput,
  type Candidate,
  type ExecutorCapacity,
  type RunCapacity,
} from './admission.ts'

const NOW = 1_000_000
const RUN: RunCapacity = { isRunning: true, isPaused: false, freePlaces: 16, maxActiveTasks: 16 }
const OPEN: ExecutorCapacity = { kind: 'open', freeSlots: 32, parallelism: 32 }

const candidate = (id: string, overrides: Partial<Candidate> = {}): Candidate => ({
  id,
  executor: 'local',
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
  ...overrides,
})

const local = (capacity: Partial<Extract<ExecutorCapacity, { kind: 'open' }>>): Partial<AdmissionInput> => ({
  executors: new Map([['local', { ...OPEN, ...capacity }]]),
})

const admittedIds = (input: AdmissionInput): string[] => admit(input).admitted.map((one) => one.id)

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
      input: state([candidate('one', { executor: 'ecs' })]),
      gate: { kind: 'executor_not_configured', executor: 'ecs' },
    },
    {
      reason: 'while its executor is unhealthy',
      input: state(one, { executors: new Map([['local', { kind: 'unhealthy', reason: 'no answer' }]]) }),
      gate: { kind: 'executor_unhealthy', executor: 'local', reason: 'no answer' },
    },
    {
      reason: 'when its executor is full',
      input: state(one, local({ freeSlots: 0 })),
      gate: { kind: 'executor_full', executor: 'local', parallelism: 32 },
    },
    {
      reason: 'when its executor has more than its slots taken',
      input: state(one, local({ freeSlots: -1 })),
      gate: { kind: 'executor_full', executor: 'local', parallelism: 32 },
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
    const candidates = [candidate('first', { executor: 'ecs', priority: 9 }), candidate('second')]
    expect(admittedIds(state(candidates))).toEqual(['second'])
  })

  it('in another run', () => {
    const candidates = [candidate('first', { runKey: 1, priority: 9 }), candidate('second', { runKey: 2 })]
    const runs = new Map([1, 2].map((runKey) => [runKey, { ...RUN, freePlaces: runKey - 1 }]))
    expect(admittedIds(state(candidates, { runs }))).toEqual(['second'])
  })

  it('in the same run and executor while only its own launch backs off', () => {
    const candidates = [candidate('first', { priority: 9, readyAt: NOW + 1 }), candidate('second')]
    expect(admittedIds(state(candidates, local({ freeSlots: 1 })))).toEqual(['second'])
  })
})

describe('in ten thousand random states', () => {
  it('decides as the book does', () => {
    forAllStates((input) => {
      expect(admit(input)).toEqual(admitByTheBook(input))
    })
  })

  it('decides the same whatever order the candidates come in', () => {
    forAllStates((input) => {
      expect(admit({ ...input, candidates: input.candidates.toReversed() })).toEqual(admit(input))
    })
  })

  it('takes each candidate or says what holds it, never both', () => {
    forAllStates((input) => {
      const { admitted, held } = admit(input)
      const decided = [...admitted.map((one) => one.id), ...held.keys()]
      expect(decided.toSorted()).toEqual(input.candidates.map((one) => one.id).toSorted())
    })
  })

  it('never takes more than an executor or a run has free', () => {
    forAllStates((input) => {
      const { admitted } = admit(input)
      for (const [name, executor] of input.executors) {
        const free = executor.kind === 'open' ? Math.max(0, executor.freeSlots) : 0
        expect(admitted.filter((one) => one.executor === name).length).toBeLessThanOrEqual(free)
      }
      for (const [runKey, run] of input.runs) {
        const free = run.isRunning && !run.isPaused ? Math.max(0, run.freePlaces) : 0
        expect(admitted.filter((one) => one.runKey === runKey).length).toBeLessThanOrEqual(free)
      }
    })
  })

  it('gives a scarce slot or place to whoever is first in line, and leaves none unused', () => {
    forAllStates((input) => {
      const { admitted, held } = admit(input)
      for (const one of input.candidates) {
        const gate = held.get(one.id)?.kind
        if (gate === 'executor_full') {
          expectTakenAhead(
            one,
            admitted.filter((other) => other.executor === one.executor),
            freeSlots(input, one),
          )
        }
        if (gate === 'max_active_tasks') {
          const free = input.runs.get(one.runKey)?.freePlaces ?? 0
          expectTakenAhead(
            one,
            admitted.filter((other) => other.runKey === one.runKey),
            free,
          )
        }
      }
    })
  })

  it('has one order, in which no two candidates are equal', () => {
    forAllStates(({ candidates }) => {
      const inLine = candidates.toSorted(admissionOrder)
      for (const [index, one] of inLine.entries()) {
        expect(inLine.slice(index + 1).every((other) => isAhead(one, other))).toBe(true)
      }
    })
  })
})

function expectTakenAhead(held: Candidate, takers: Candidate[], free: number): void {
  expect(takers).toHaveLength(Math.max(0, free))
  expect(takers.every((other) => isAhead(other, held))).toBe(true)
}

function freeSlots(input: AdmissionInput, one: Candidate): number {
  const executor = input.executors.get(one.executor)
  return executor?.kind === 'open' ? executor.freeSlots : 0
}

function forAllStates(check: (input: AdmissionInput) => void): void {
  fc.assert(fc.property(admissionInputs(), check), { numRuns: 10_000, seed: 20_250_614 })
}

/** Small ranges, so that ties, full executors and full runs are the rule; some names and runs are not known. */
function admissionInputs(): fc.Arbitrary<AdmissionInput> {
  const executorNames = fc.constantFrom('local', 'ecs', 'kubernetes')
  const runKeys = fc.nat(3)
  const place = fc.record({ runKey: runKeys, taskIndex: fc.nat(4), mapIndex: fc.integer({ min: -1, max: 1 }) })
  const places = fc.uniqueArray(place, {
    selector: ({ runKey, taskIndex, mapIndex }) => [runKey, taskIndex, mapIndex].join(),
    maxLength: 14,
  })
  const rest = fc.record({
    executor: executorNames,
    priority: fc.integer({ min: -1, max: 2 }),
    orderDate: fc.nat(2),
    readyAt: fc.constantFrom(null, null, null, NOW - 1, NOW, NOW + 1),
  })
  const candidates = fc
    .tuple(places, fc.array(rest, { minLength: 14, maxLength: 14 }))
    .map(([chosen, rests]) => chosen.map((at, index) => candidate(`task-${index}`, { ...at, ...rests[index] })))
  return fc.record({
    now: fc.constant(NOW),
    candidates,
    executors: mapOf(executorNames, executorCapacities()),
    runs: mapOf(runKeys, runCapacities()),
  })
}

function executorCapacities(): fc.Arbitrary<ExecutorCapacity> {
  const open = fc.record({
    kind: fc.constant('open' as const),
    freeSlots: fc.integer({ min: -1, max: 6 }),
    parallelism: fc.integer({ min: 1, max: 8 }),
  })
  const unhealthy = fc.record({ kind: fc.constant('unhealthy' as const), reason: fc.constant('no answer') })
  return fc.oneof({ arbitrary: open, weight: 5 }, { arbitrary: unhealthy, weight: 1 })
}

function runCapacities(): fc.Arbitrary<RunCapacity> {
  const mostly = (usual: boolean) => fc.nat(5).map((drawn) => (drawn > 0 ? usual : !usual))
  return fc.record({
    isRunning: mostly(true),
    isPaused: mostly(false),
    freePlaces: fc.integer({ min: -1, max: 5 }),
    maxActiveTasks: fc.integer({ min: 1, max: 16 }),
  })
}

function mapOf<K extends string | number, V>(keys: fc.Arbitrary<K>, values: fc.Arbitrary<V>): fc.Arbitrary<Map<K, V>> {
  const entries = fc.uniqueArray(fc.tuple(keys, values), { selector: ([key]) => key, minLength: 1, maxLength: 4 })
  return entries.map((pairs) => new Map(pairs))
}
