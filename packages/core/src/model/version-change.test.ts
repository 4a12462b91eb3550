import { expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { dagGraph } from './graph.ts'
import { changeVersion, isGone } from './version-change.ts'

const row = (task_index: number, task_id: string) => ({ task_index, task_id })

it('keeps tasks by their ids, adds what is new, and numbers what is gone below zero', () => {
  const graph = dagGraph(dagSpec('dag', [taskSpec('new'), taskSpec('b'), taskSpec('a')]))
  const { places, fresh } = changeVersion([row(0, 'a'), row(1, 'gone'), row(2, 'b')], graph)
  expect([...places]).toEqual([
    [0, 2],
    [1, -1],
    [2, 1],
  ])
  expect(fresh).toEqual([0])
  expect(isGone({ task_index: -1 })).toBe(true)
})

it('leaves the number of what was gone before, and gives it to nobody else', () => {
  const graph = dagGraph(dagSpec('dag', [taskSpec('back')]))
  const { places, fresh } = changeVersion([row(-2, 'back'), row(-1, 'gone'), row(0, 'going'), row(1, 'too')], graph)
  expect([...places]).toEqual([
    [-2, 0],
    [-1, -1],
    [0, -3],
    [1, -4],
  ])
  expect(fresh).toEqual([])
})
