import { TASK_INSTANCE_STATES, isLegalTaskInstanceMove, type TaskInstanceState } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { clearTaskInstance, removeTaskInstance, type Clearing } from './clear-rule.ts'

const cleared = (state: TaskInstanceState, mayRun: boolean): Clearing =>
  clearTaskInstance({ state, tryNumber: 3, mayRun }, 2)

describe('clearing a task instance at its third try, whose task has two retries', () => {
  it.each<[TaskInstanceState, 'ended' | 'superseded' | null]>([
    ['success', 'ended'],
    ['failed', 'ended'],
    ['skipped', 'ended'],
    ['upstream_failed', 'ended'],
    ['removed', 'ended'],
    ['queued', 'superseded'],
    ['running', 'superseded'],
    ['deferred', 'superseded'],
    ['scheduled', null],
    ['up_for_retry', null],
    ['up_for_reschedule', null],
  ])('from %s: its try is archived as %s, and it may be tried up to a sixth time', (state, archive) => {
    expect(cleared(state, false)).toEqual({ kind: 'cleared', to: 'none', maxTries: 6, archive })
    expect(cleared(state, true)).toEqual({ kind: 'cleared', to: 'restarting', maxTries: 6, archive })
  })

  it.each(['none', 'restarting'] as const)('from %s changes nothing: it is on its way already', (state) => {
    expect(cleared(state, false)).toEqual({ kind: 'unchanged' })
  })

  it('makes only legal moves', () => {
    for (const state of TASK_INSTANCE_STATES) {
      for (const mayRun of [true, false]) {
        const clearing = cleared(state, mayRun)
        if (clearing.kind === 'cleared') expect(isLegalTaskInstanceMove(state, clearing.to)).toBe(true)
      }
    }
  })
})

it('archives nothing of what was never tried', () => {
  expect(clearTaskInstance({ state: 'upstream_failed', tryNumber: 0, mayRun: false }, 0)).toEqual({
    kind: 'cleared',
    to: 'none',
    maxTries: 1,
    archive: null,
  })
})

describe('removing a task instance whose task is gone', () => {
  it.each<[TaskInstanceState, 'ended' | 'superseded' | null]>([
    ['none', null],
    ['scheduled', null],
    ['success', 'ended'],
    ['running', 'superseded'],
  ])('from %s: its try is archived as %s, and it ends once nothing of it can live', (state, archive) => {
    const row = { state, tryNumber: 1 }
    expect(removeTaskInstance({ ...row, mayRun: false })).toMatchObject({ to: 'removed', archive })
    expect(removeTaskInstance({ ...row, mayRun: true })).toMatchObject({ to: 'restarting', archive })
  })

  it.each(['removed', 'restarting'] as const)('from %s changes nothing', (state) => {
    expect(removeTaskInstance({ state, tryNumber: 1, mayRun: false })).toEqual({ kind: 'unchanged' })
  })
})
