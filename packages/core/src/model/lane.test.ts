import { describe, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { laneOfTask, laneText, parseLane } from './lane.ts'

const AT = { runKey: 7, defaultExecutor: 'local' }
const lane = (task: Parameters<typeof taskSpec>[1], dag: Parameters<typeof dagSpec>[2] = {}) =>
  laneOfTask(dagSpec('sales', [], dag), taskSpec('load', task), AT)

describe('the lane of a task', () => {
  it.each([
    { who: 'names none', task: {}, dag: {}, executors: ['local'] },
    {
      who: "leaves it to its Dag's chain",
      task: {},
      dag: { executor: 'a', fallbackExecutors: ['b'] },
      executors: ['a', 'b'],
    },
    {
      who: 'has a chain of its own',
      task: { executor: 'c', fallbackExecutors: ['d'] },
      dag: { executor: 'a' },
      executors: ['c', 'd'],
    },
    {
      who: "names one, which its Dag's chain does not add to",
      task: { executor: 'c' },
      dag: { executor: 'a', fallbackExecutors: ['b'] },
      executors: ['c'],
    },
  ])('that $who goes to $executors', ({ task, dag, executors }) => {
    expect(lane(task, dag).executors).toEqual(executors)
  })

  it.each([
    { of: 'nobody', task: {}, dag: {}, fallback: 'unavailable' },
    { of: 'its Dag', task: {}, dag: { executorFallback: 'full' }, fallback: 'full' },
    {
      of: 'itself',
      task: { executorFallback: 'unavailable' },
      dag: { executorFallback: 'full' },
      fallback: 'unavailable',
    },
  ] as const)('falls back by the rule of $of', ({ task, dag, fallback }) => {
    expect(lane(task, dag).fallback).toBe(fallback)
  })

  it('is of its own run only where a limit within the run asks for it', () => {
    expect(lane({}).limits).toBeNull()
    expect(lane({ maxActiveTisPerDag: 2 }).limits).toEqual({ dagId: 'sales', taskId: 'load', perDag: 2, perRun: null })
    expect(lane({ maxActiveTisPerDagrun: 3 }).limits?.perRun).toEqual({ runKey: 7, limit: 3 })
  })
})

describe('the text of a lane', () => {
  it.each([
    ['a plain one', lane({}), '[["local"],"unavailable","default_pool",1,null]'],
    [
      'one with everything',
      lane({
        executor: 'a',
        fallbackExecutors: ['b'],
        executorFallback: 'full',
        pool: 'p"',
        poolSlots: 3,
        maxActiveTisPerDag: 1,
        maxActiveTisPerDagrun: 2,
      }),
      '[["a","b"],"full","p\\"",3,["sales","load",1,[7,2]]]',
    ],
  ])('of %s says it all, and reads back', (_name, one, text) => {
    expect(laneText(one)).toBe(text)
    expect(parseLane(text)).toEqual(one)
  })

  it('is the same for two that differ in a rule that does not matter', () => {
    expect(laneText(lane({ executorFallback: 'full' }))).toBe(laneText(lane({})))
  })
})
