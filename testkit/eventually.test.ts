import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'

describe('eventually', () => {
  it('repeats until the answer is truthy and returns it', async () => {
    let calls = 0
    expect(await eventually(() => (++calls >= 3 ? `call ${calls}` : null), { everyMs: 1 })).toBe('call 3')
  })

  it('takes a throw as not yet', async () => {
    let calls = 0
    const check = async (): Promise<boolean> => {
      if (++calls < 3) throw new Error('too early')
      return true
    }
    expect(await eventually(check, { everyMs: 1 })).toBe(true)
  })

  it('gives up with the last reason', async () => {
    const check = (): never => {
      throw new Error('the door is shut')
    }
    await expect(eventually(check, { timeoutMs: 5, everyMs: 1 })).rejects.toThrow('the door is shut')
  })
})
