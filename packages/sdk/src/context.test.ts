import { describe, expect, it } from 'vitest'
import { FailTask, SkipTask, getClient, getContext, type TaskContext } from './index.ts'
import { CONTEXT_SLOT, readSlot, requestOf, runInTask, type TaskRuntime } from './runtime.ts'

function runtime(taskId: string): TaskRuntime {
  const kept = new Map<string, unknown>()
  return {
    context: { taskId } as TaskContext,
    xcom: {
      push: async (key, value) => void kept.set(key, value),
      pull: async <T>({ key = 'return_value' }: { key?: string }) => (kept.get(key) ?? null) as T | null,
      delete: async ({ key = 'return_value' }) => void kept.delete(key),
    },
    variables: {
      get: async (key) => `variable ${key}`,
      getJson: async () => null,
      set: async () => undefined,
      delete: async () => undefined,
    },
    connection: async () => null,
    maskSecret: async () => undefined,
  }
}

describe('the context of a task', () => {
  it('reaches everything that the task starts, and nothing else', async () => {
    const inside = async (): Promise<string> => {
      await Promise.resolve()
      return getContext().taskId
    }
    expect(await Promise.all([runInTask(runtime('a'), inside), runInTask(runtime('b'), inside)])).toEqual(['a', 'b'])
    expect(() => getContext()).toThrow(expect.objectContaining({ code: 'OUTSIDE_TASK' }))
    expect(() => getClient()).toThrow(/handler/)
  })

  it('offers XCom under our names and under those of Airflow', async () => {
    await runInTask(runtime('a'), async () => {
      const client = getClient()
      await client.setXCom({ key: 'n', value: 1 })
      expect(await client.xcom.pull({ key: 'n' })).toBe(1)
      await client.xcom.push('n', 2)
      expect(await client.getXCom<number>({ key: 'n' })).toBe(2)
      await client.xcom.delete({ key: 'n' })
      expect(await client.xcom.pull({ key: 'n' })).toBeNull()
      expect(await client.getVariable('day')).toBe('variable day')
      expect(await client.getConnection('db')).toBeNull()
    })
  })

  it('lies in a slot that another copy of the SDK finds', () => {
    runInTask(runtime('a'), () => {
      expect(readSlot<{ getStore(): TaskRuntime }>(CONTEXT_SLOT)?.getStore().context.taskId).toBe('a')
    })
  })
})

it('tells a failure for good and a skip from any other error, by brand', () => {
  const foreign = Object.assign(new Error('x'), { [Symbol.for('fairlead.task-error')]: 'skip' })
  expect([new FailTask('x'), new SkipTask(), foreign, new Error('x'), null].map(requestOf)).toEqual([
    'fail',
    'skip',
    'skip',
    null,
    null,
  ])
})
