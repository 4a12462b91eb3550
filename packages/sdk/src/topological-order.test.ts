import { describe, expect, it } from 'vitest'
import { topologicalOrder } from './topological-order.ts'

const tasks = (edges: Record<string, string[]>) =>
  Object.entries(edges).map(([taskId, upstream]) => ({ taskId, upstream }))

describe('topological order', () => {
  it.each([
    [{ a: [], b: [], c: [] }, ['a', 'b', 'c']],
    [{ c: ['b'], b: ['a'], a: [] }, ['a', 'b', 'c']],
    [{ d: ['b', 'c'], b: ['a'], c: ['a'], a: [] }, ['a', 'b', 'c', 'd']],
  ])('of %j', (edges, expected) => {
    const order = topologicalOrder(tasks(edges))
    expect(order.kind === 'ordered' && order.tasks.map((task) => task.taskId)).toEqual(expected)
  })

  it.each([
    [{ a: ['a'] }, ['a', 'a']],
    [{ a: ['b'], b: ['a'] }, ['b', 'a', 'b']],
    [{ x: [], a: ['x', 'c'], b: ['a'], c: ['b'], y: ['c'] }, ['b', 'c', 'a', 'b']],
  ])('names the path of a cycle in %j', (edges, path) => {
    expect(topologicalOrder(tasks(edges))).toEqual({ kind: 'cycle', path })
  })

  it('takes a chain of 2,000 tasks placed backwards', () => {
    const chain = Array.from({ length: 2_000 }, (_, n) => ({
      taskId: `t${n}`,
      upstream: n === 1_999 ? [] : [`t${n + 1}`],
    }))
    expect(topologicalOrder(chain)).toMatchObject({ kind: 'ordered' })
  })
})
