import { describe, expect, it } from 'vitest'
import { logPathOf } from './log-path.ts'

const at = (ids: Partial<Parameters<typeof logPathOf>[0]>) =>
  logPathOf({ dagId: 'sales', runId: 'r1', taskId: 'load', mapIndex: -1, tryNumber: 2, ...ids })

describe('the path of a log', () => {
  it("has Airflow's layout", () => {
    expect(at({})).toBe('dag_id=sales/run_id=r1/task_id=load/attempt=2.log')
    expect(at({ mapIndex: 3 })).toBe('dag_id=sales/run_id=r1/task_id=load/map_index=3/attempt=2.log')
  })

  it('never leaves its folder', () => {
    expect(at({ taskId: '../../etc/passwd' })).toBe(
      'dag_id=sales/run_id=r1/task_id=..%2f..%2fetc%2fpasswd/attempt=2.log',
    )
  })

  it('keeps long ids apart within the limits of a file system', () => {
    const [a, b] = [at({ taskId: `${'ü'.repeat(249)}a` }), at({ taskId: `${'ü'.repeat(249)}b` })]
    expect(a).not.toBe(b)
    for (const part of a.split('/')) expect(Buffer.byteLength(part)).toBeLessThan(255)
  })

  it('keeps apart ids that differ in a broken character', () => {
    expect(at({ taskId: 'a\ud800' })).not.toBe(at({ taskId: 'a\ud801' }))
  })
})
