import type { TaskSpec } from '@fairlead/protocol'

/** The parts of a graph that weights follow from. Tasks are in topological order. */
export interface WeightedTask {
  readonly spec: Pick<TaskSpec, 'priorityWeight' | 'weightRule'>
  readonly upstream: readonly number[]
  readonly downstream: readonly number[]
}

/** Farther from zero a weight does not count: room is left for what waiting earns. */
const MOST = 2 ** 30

/**
 * The priority weight of every task: its own, and by the rules `downstream` and `upstream` those of all tasks that come
 * after or before it, each once.
 */
export function priorityWeights(tasks: readonly WeightedTask[]): readonly number[] {
  const own = tasks.map(({ spec }) => spec.priorityWeight)
  const order = [...tasks.keys()]
  const rules = new Set(tasks.map(({ spec }) => spec.weightRule))
  const after = rules.has('downstream') ? sums(own, order.toReversed(), (index) => tasks[index]?.downstream ?? []) : own
  const before = rules.has('upstream') ? sums(own, order, (index) => tasks[index]?.upstream ?? []) : own
  const weights = { downstream: after, upstream: before, absolute: own }
  return tasks.map(({ spec }, index) => bounded(weights[spec.weightRule][index] ?? 0))
}

const WORD = 32
const ALL = 0xffff_ffff

/**
 * For each task its own weight and those of all that `next` leads to, visited in an order in which `next` comes first.
 * Goes through the tasks by the word, so that a large Dag costs no more memory than a number for each of its tasks.
 */
function sums(
  own: readonly number[],
  order: readonly number[],
  next: (index: number) => readonly number[],
): readonly number[] {
  const result = own.map(() => 0)
  const reached = new Uint32Array(own.length)
  for (let from = 0; from < own.length; from += WORD) {
    const weights = own.slice(from, from + WORD)
    const sumOfAll = weights.reduce((sum, weight) => sum + weight, 0)
    for (const index of order) {
      let bits = index >= from && index < from + WORD ? 1 << (index - from) : 0
      for (const other of next(index)) bits |= reached[other] ?? 0
      reached[index] = bits
      result[index] = (result[index] ?? 0) + (bits >>> 0 === ALL ? sumOfAll : sumOf(bits, weights))
    }
  }
  return result
}

function sumOf(bits: number, weights: readonly number[]): number {
  let sum = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) sum += weights[31 - Math.clz32(rest & -rest)] ?? 0
  return sum
}

function bounded(weight: number): number {
  return Math.max(-MOST, Math.min(MOST, weight))
}
