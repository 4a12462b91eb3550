import { expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { dagGraph } from './graph.ts'
import { selectTasks } from './select-tasks.ts'

//  a ─ b ─┬─ d ─ e
//      c ─┘
const graph = dagGraph(
  dagSpec('dag', [
    taskSpec('a'),
    taskSpec('b', { upstream: ['a'] }),
    taskSpec('c'),
    taskSpec('d', { upstream: ['b', 'c'] }),
    taskSpec('e', { upstream: ['d'] }),
  ]),
)

it.each<[string[] | null, boolean, boolean, string]>([
  [null, false, false, 'a b c d e'],
  [['d'], false, false, 'd'],
  [['d'], true, false, 'a b c d'],
  [['b'], false, true, 'b d e'],
  [['b'], true, true, 'a b d e'],
  [['a', 'c'], false, true, 'a b c d e'],
])('%j, upstream %s, downstream %s, selects %s', (taskIds, includeUpstream, includeDownstream, expected) => {
  const { indexes } = selectTasks(graph, { taskIds, includeUpstream, includeDownstream })
  expect([...indexes].toSorted((a, b) => a - b).map((index) => graph.tasks[index]?.spec.taskId)).toEqual(
    expected.split(' '),
  )
})

it('names what the Dag does not have', () => {
  expect(selectTasks(graph, { taskIds: ['a', 'x'], includeUpstream: false, includeDownstream: false }).unknown).toEqual(
    ['x'],
  )
})
