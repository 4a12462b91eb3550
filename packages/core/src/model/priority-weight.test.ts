import type { WeightRule } from '@fairlead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { priorityWeights, type WeightedTask } from './priority-weight.ts'

/** Tasks of these weights; an edge leads from the first to the second. */
function graph(weights: readonly number[], edges: ReadonlyArray<readonly [number, number]>, rule: WeightRule) {
  return weights.map((priorityWeight, index): WeightedTask => ({
    spec: { priorityWeight, weightRule: rule },
    upstream: edges.filter(([, to]) => to === index).map(([from]) => from),
    downstream: edges.filter(([from]) => from === index).map(([, to]) => to),
  }))
}

const CHAIN = [
  [0, 1],
  [1, 2],
] as const
const DIAMOND = [
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 3],
] as const

describe('the priority weight of tasks', () => {
  it.each([
    { shape: 'a chain', edges: CHAIN, rule: 'downstream', own: [1, 1, 1], weights: [3, 2, 1] },
    { shape: 'a chain', edges: CHAIN, rule: 'upstream', own: [1, 1, 1], weights: [1, 2, 3] },
    { shape: 'a chain', edges: CHAIN, rule: 'absolute', own: [5, 1, 7], weights: [5, 1, 7] },
    { shape: 'a chain of unequal tasks', edges: CHAIN, rule: 'downstream', own: [10, 2, 5], weights: [17, 7, 5] },
    { shape: 'a chain of unequal tasks', edges: CHAIN, rule: 'upstream', own: [10, 2, 5], weights: [10, 12, 17] },
    {
      shape: 'a diamond, whose end counts once',
      edges: DIAMOND,
      rule: 'downstream',
      own: [1, 1, 1, 1],
      weights: [4, 2, 2, 1],
    },
    {
      shape: 'a diamond, whose start counts once',
      edges: DIAMOND,
      rule: 'upstream',
      own: [1, 1, 1, 1],
      weights: [1, 2, 2, 4],
    },
    { shape: 'tasks below zero', edges: CHAIN, rule: 'downstream', own: [1, -5, 2], weights: [-2, -3, 2] },
    { shape: 'nothing', edges: [], rule: 'downstream', own: [], weights: [] },
  ] as const)('of $shape by the rule $rule', ({ edges, rule, own, weights }) => {
    expect(priorityWeights(graph(own, edges, rule))).toEqual(weights)
  })

  it('follows the rule of each task where they differ', () => {
    const mixed = graph([1, 1, 1], CHAIN, 'downstream').map((task, index) =>
      index === 2 ? { ...task, spec: { ...task.spec, weightRule: 'upstream' as const } } : task,
    )
    expect(priorityWeights(mixed)).toEqual([3, 2, 3])
  })

  it('stays within bounds that leave room for ageing in 32 bits', () => {
    expect(priorityWeights(graph([2 ** 31, -(2 ** 31)], [], 'absolute'))).toEqual([2 ** 30, -(2 ** 30)])
  })

  it('counts every task that is reached, once, in random Dags of more tasks than a word has bits', () => {
    const dag = fc.integer({ min: 1, max: 80 }).chain((size) =>
      fc.record({
        weights: fc.array(fc.integer({ min: -3, max: 9 }), { minLength: size, maxLength: size }),
        edges: fc.uniqueArray(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { selector: String, maxLength: 160 }),
      }),
    )
    fc.assert(
      fc.property(dag, ({ weights, edges }) => {
        const forward = edges.filter(([from, to]) => from < to)
        const reached = (index: number): ReadonlySet<number> =>
          new Set([
            index,
            ...forward.filter(([from]) => from === index).flatMap(([, to]) => [...reachedFrom(to, forward)]),
          ])
        const expected = weights.map((_, index) =>
          [...reached(index)].reduce((sum, one) => sum + (weights[one] ?? 0), 0),
        )
        expect(priorityWeights(graph(weights, forward, 'downstream'))).toEqual(expected)
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})

function reachedFrom(start: number, edges: ReadonlyArray<readonly [number, number]>): ReadonlySet<number> {
  const seen = new Set([start])
  for (const one of seen) for (const [from, to] of edges) if (from === one) seen.add(to)
  return seen
}
