import type { DagSpec } from '@fairlead/protocol'
import { FAULT_POINTS, type FaultPoint } from '../../packages/core/src/model/environment.ts'
import { randomDag } from './random-dag.ts'
import type { RandomStream } from './random-stream.ts'

/** What one history is made of, drawn from its seed before it begins. */
export interface Plan {
  /** How long faults and new runs go on. */
  readonly chaosMs: number
  readonly schedulerCount: number
  /** True when several schedulers may have the database open: leases must run out before work is taken over. */
  readonly isShared: boolean
  /** True when workers talk to an API process of its own instead of the scheduler's. */
  readonly hasOwnApi: boolean
  readonly crash: {
    readonly chance: number
    readonly focus: FaultPoint
    readonly focusChance: number
    readonly most: number
  }
  /** A process that passes this point may stand still before its next transaction. */
  readonly standstill: { readonly point: FaultPoint; readonly chance: number }
  /** Chances per transaction. */
  readonly database: { readonly failure: number; readonly pause: number; readonly stall: number }
  /** Chances per message. */
  readonly network: { readonly drop: number; readonly duplicate: number; readonly slow: number }
  readonly machine: {
    readonly failure: number
    readonly lostAnswer: number
    readonly revokeFailure: number
    readonly crashes: number
    readonly late: number
    /** That one hand-over begins two processes. */
    readonly twin: number
    /** That a process that died is reported as one that ended well. */
    readonly flattery: number
    /** That a report is followed by one about somebody else's work. */
    readonly slander: number
  }
  /** While machines cannot be reached: calls arrive when it is over. Null for never. */
  readonly partition: { readonly from: number; readonly until: number } | null
  readonly clockSteps: number
  readonly skewMs: number
  readonly executors: readonly ExecutorPlan[]
  readonly dags: readonly DagSpec[]
  /** What becomes of Dags by and by. */
  readonly newVersions: readonly DagSpec[]
  /** How often somebody gives a pool another size. */
  readonly poolChanges: number
  /** How often an executor is drained for a while. */
  readonly drains: number
  readonly backfills: number
  readonly runs: number
  readonly pauses: number
  /** How often somebody clears, marks or cancels. */
  readonly rewrites: number
}

/** One simulated executor. */
export interface ExecutorPlan {
  readonly name: string
  readonly parallelism: number
  /** `push`: its machine tells of ends; `poll`: it asks. */
  readonly mode: 'push' | 'poll'
}

/** Where a process has looked and not yet acted: what it saw may be over when it goes on. */
const LOOKS = FAULT_POINTS.filter((point) => /^(sweep|adoption)\.before/.test(point))

/** Most histories are short: what is rare is rather met in many of them than in a long one. */
const SPANS_MS = [
  [4_000, 15_000],
  [4_000, 15_000],
  [15_000, 35_000],
  [15_000, 60_000],
] as const

/** Draws a plan. */
export function drawPlan(stream: RandomStream): Plan {
  const isCalm = stream.chance(0.1)
  const often = (chance: number): number => (isCalm || stream.chance(0.4) ? 0 : chance * stream.unit())
  const executors: readonly ExecutorPlan[] = [
    { name: 'push', parallelism: stream.int(1, 6), mode: 'push' },
    { name: 'poll', parallelism: stream.int(1, 3), mode: 'poll' },
  ]
  const schedulerCount = stream.pick([1, 1, 1, 1, 2, 2, 3])
  const dagIds = Array.from({ length: stream.pick([1, 1, 2, 2, 3]) }, (_, index) => `dag${index}`)
  return {
    chaosMs: spanMs(stream),
    schedulerCount,
    isShared: schedulerCount > 1 || stream.chance(0.2),
    hasOwnApi: stream.chance(0.3),
    crash: {
      chance: often(0.004),
      focus: stream.pick(FAULT_POINTS),
      focusChance: often(0.3),
      most: stream.int(1, 5),
    },
    standstill: { point: stream.pick(stream.chance(0.5) ? LOOKS : FAULT_POINTS), chance: stream.pick([0, 0, 0.3, 1]) },
    database: { failure: often(0.03), pause: often(0.2), stall: often(0.004) },
    network: { drop: often(0.2), duplicate: often(0.2), slow: often(0.1) },
    machine: {
      failure: often(0.4),
      lostAnswer: often(0.3),
      revokeFailure: stream.pick([0, 0, 0.7]),
      crashes: stream.pick([0, 0, 0, 1]),
      late: stream.pick([0, 0, 0.05, 0.5]),
      twin: stream.pick([0, 0, 0.3]),
      flattery: stream.pick([0, 0, 0.5]),
      slander: stream.pick([0, 0, 0.3]),
    },
    partition: isCalm || stream.chance(0.6) ? null : partition(stream),
    clockSteps: stream.pick([0, 0, 0, 1, 2]),
    skewMs: stream.pick([0, 0, 500, 3_000]),
    executors,
    dags: dagIds.map((dagId) => randomDag(stream.fork(dagId), dagId)),
    newVersions: dagIds
      .filter(() => stream.chance(0.25))
      .map((dagId) => randomDag(stream.fork(`${dagId} anew`), dagId)),
    drains: stream.pick([0, 0, 1, 2]),
    backfills: stream.pick([0, 1, 2]),
    poolChanges: stream.pick([0, 1, 3]),
    runs: stream.pick([1, 1, 2, 2, 3]),
    pauses: stream.pick([0, 0, 1, 2]),
    rewrites: stream.pick([0, 0, 1, 2, 6]),
  }
}

function spanMs(stream: RandomStream): number {
  const [least, most] = stream.pick(SPANS_MS)
  return stream.int(least, most)
}

function partition(stream: RandomStream): { from: number; until: number } {
  const from = stream.int(0, 15_000)
  return { from, until: from + stream.int(5_000, 45_000) }
}
