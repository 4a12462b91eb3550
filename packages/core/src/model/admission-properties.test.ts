import fc from 'fast-check'
import { EXECUTOR_FALLBACKS } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { admitByTheBook, isAhead } from '../../../../testkit/admission-oracle.ts'
import {
  admissionOrder,
  admit,
  laneGate,
  runTaskKey,
  taskKey,
  type AdmissionInput,
  type Admitted,
  type Candidate,
  type PoolCapacity,
  type RunCapacity,
} from './admission.ts'
import type { Lane } from './lane.ts'
import type { ExecutorCapacity } from './route.ts'

const NOW = 1_000_000
const DAG = 'dag'

describe('in ten thousand random states', () => {
  it('holds a candidate by a gate of its lane exactly when it tells that the lane is shut', () => {
    forAllStates((input) => {
      for (const one of input.candidates) {
        const gate = laneGate(one.lane, input)
        const runs = new Map([[one.runKey, { isRunning: true, isPaused: false, freePlaces: 1, maxActiveTasks: 1 }]])
        const alone = admit({ ...input, runs, candidates: [{ ...one, readyAt: null }] })
        expect(alone.held.get(one.id) ?? null).toEqual(gate)
      }
    })
  })

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
      const decided = [...admitted.map(({ candidate }) => candidate.id), ...held.keys()]
      expect(decided.toSorted()).toEqual(input.candidates.map((one) => one.id).toSorted())
    })
  })

  it('never takes more than an executor, a run, a pool or a task has free', () => {
    forAllStates((input) => {
      const { admitted } = admit(input)
      for (const [name, executor] of input.executors) {
        const free = executor.kind === 'open' ? Math.max(0, executor.freeSlots) : 0
        expect(admitted.filter((one) => one.executor === name).length).toBeLessThanOrEqual(free)
      }
      for (const [runKey, run] of input.runs) {
        const free = run.isRunning && !run.isPaused ? Math.max(0, run.freePlaces) : 0
        expect(admitted.filter(({ candidate }) => candidate.runKey === runKey).length).toBeLessThanOrEqual(free)
      }
      for (const [name, { slots, used }] of input.pools) {
        const inPool = admitted.filter(({ candidate: { lane } }) => lane.pool === name)
        const taken = inPool.reduce((sum, { candidate }) => sum + candidate.lane.poolSlots, 0)
        expect(taken).toBeLessThanOrEqual(Math.max(0, slots - used))
      }
      for (const { candidate } of admitted) expectWithinLimits(candidate, input, admitted)
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
            admitted.filter(({ executor }) => one.lane.executors.includes(executor)),
            freeSlots(input, one),
          )
        }
        if (gate === 'max_active_tasks') {
          const free = input.runs.get(one.runKey)?.freePlaces ?? 0
          expectTakenAhead(
            one,
            admitted.filter(({ candidate }) => candidate.runKey === one.runKey),
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

function expectTakenAhead(held: Candidate, takers: readonly Admitted[], free: number): void {
  const ahead = takers.filter(({ candidate }) => isAhead(candidate, held))
  expect(ahead.length).toBeGreaterThanOrEqual(Math.max(0, free))
}

/** Slots of the executors that a candidate of this chain could have had. */
function freeSlots(input: AdmissionInput, { lane: { executors, fallback } }: Candidate): number {
  const up = executors.flatMap((name) => input.executors.get(name) ?? []).filter((one) => one.kind !== 'unhealthy')
  const asked = fallback === 'full' ? up : up.slice(0, 1)
  return asked.reduce((sum, one) => sum + (one.kind === 'open' ? Math.max(0, one.freeSlots) : 0), 0)
}

function expectWithinLimits({ lane, runKey }: Candidate, input: AdmissionInput, admitted: readonly Admitted[]): void {
  if (lane.limits === null) return
  const { taskId, perDag, perRun } = lane.limits
  const others = admitted.filter(({ candidate }) => candidate.lane.limits?.taskId === taskId)
  // A task whose limit differs between versions of its Dag may have more active than the lower one allows.
  const hasOneLimit = others.every(({ candidate }) => candidate.lane.limits?.perDag === perDag)
  const active = (key: string): number => input.activeTis.get(key) ?? 0
  if (perDag !== null && hasOneLimit) {
    expect(active(taskKey(DAG, taskId)) + others.length).toBeLessThanOrEqual(perDag)
  }
  const ofRun = others.filter(({ candidate }) => candidate.runKey === runKey)
  const hasOneRunLimit = ofRun.every(({ candidate }) => candidate.lane.limits?.perRun?.limit === perRun?.limit)
  if (perRun !== null && hasOneRunLimit) {
    expect(active(runTaskKey(runKey, taskId)) + ofRun.length).toBeLessThanOrEqual(perRun.limit)
  }
}

function forAllStates(check: (input: AdmissionInput) => void): void {
  fc.assert(fc.property(admissionInputs(), check), { numRuns: 10_000, seed: 20_250_614 })
}

/** Small ranges, so that ties, full executors, pools and runs are the rule; some names and runs are not known. */
function admissionInputs(): fc.Arbitrary<AdmissionInput> {
  const runKeys = fc.nat(3)
  const place = fc.record({ runKey: runKeys, taskIndex: fc.nat(4), mapIndex: fc.integer({ min: -1, max: 1 }) })
  const places = fc.uniqueArray(place, {
    selector: ({ runKey, taskIndex, mapIndex }) => [runKey, taskIndex, mapIndex].join(),
    maxLength: 14,
  })
  const rest = fc.record({
    lane: lanes(),
    priority: fc.integer({ min: -1, max: 2 }),
    orderDate: fc.nat(2),
    readyAt: fc.constantFrom(null, null, null, NOW - 1, NOW, NOW + 1),
  })
  const candidates = fc
    .tuple(places, fc.array(rest, { minLength: 14, maxLength: 14 }))
    .map(([chosen, rests]) => chosen.flatMap((at, index) => candidatesOf(`task-${index}`, at, rests[index])))
  return fc.record({
    now: fc.constant(NOW),
    candidates,
    executors: mapOf(EXECUTORS, executorCapacities()),
    runs: mapOf(runKeys, runCapacities()),
    pools: mapOf(POOLS, poolCapacities()),
    activeTis: mapOf(fc.constantFrom(taskKey(DAG, 'x'), ...[0, 1, 2, 3].map((run) => runTaskKey(run, 'x'))), fc.nat(2)),
  })
}

const EXECUTORS = fc.constantFrom('local', 'ecs', 'kubernetes')
const POOLS = fc.constantFrom('lake', 'sea', 'pond')

function candidatesOf(
  id: string,
  at: Pick<Candidate, 'runKey' | 'taskIndex' | 'mapIndex'>,
  rest: Omit<Candidate, 'id' | 'runKey' | 'taskIndex' | 'mapIndex'> | undefined,
): Candidate[] {
  if (rest === undefined) return []
  const { limits } = rest.lane
  const perRun = limits === null || limits.perRun === null ? null : { ...limits.perRun, runKey: at.runKey }
  return [{ id, ...at, ...rest, lane: { ...rest.lane, limits: limits === null ? null : { ...limits, perRun } } }]
}

function lanes(): fc.Arbitrary<Lane> {
  const limit = fc.constantFrom(null, 1, 2, 3)
  const limits = fc.record({
    dagId: fc.constant(DAG),
    taskId: fc.constantFrom('x', 'x', 'y'),
    perDag: limit,
    perRun: limit.map((most) => (most === null ? null : { runKey: 0, limit: most })),
  })
  return fc.record({
    executors: fc.uniqueArray(EXECUTORS, { minLength: 1, maxLength: 3 }),
    fallback: fc.constantFrom(...EXECUTOR_FALLBACKS),
    pool: POOLS,
    poolSlots: fc.integer({ min: 1, max: 3 }),
    limits: fc.oneof({ arbitrary: fc.constant(null), weight: 2 }, { arbitrary: limits, weight: 1 }),
  })
}

function poolCapacities(): fc.Arbitrary<PoolCapacity> {
  return fc.record({ slots: fc.constantFrom(Infinity, 0, 1, 2, 4, 8), used: fc.nat(3) })
}

function executorCapacities(): fc.Arbitrary<ExecutorCapacity> {
  const open = fc.record({
    kind: fc.constant('open' as const),
    freeSlots: fc.integer({ min: -1, max: 6 }),
    parallelism: fc.integer({ min: 1, max: 8 }),
  })
  const unhealthy = fc.record({ kind: fc.constant('unhealthy' as const), reason: fc.constant('no answer') })
  const starting = fc.constant({ kind: 'starting' as const })
  return fc.oneof(
    { arbitrary: open, weight: 5 },
    { arbitrary: unhealthy, weight: 1 },
    { arbitrary: starting, weight: 1 },
  )
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
