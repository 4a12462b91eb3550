import { describe, expect, it, vi } from 'vitest'
import { fakeExecutorHost } from '../../../testkit/fake-host.ts'
import { BaseExecutor, checkExecutor, checkExecutorClass, EXECUTOR_BRAND } from './index.ts'
import { FINAL_MEMBERS } from './final-members.ts'

class PlainExecutor extends BaseExecutor {
  override async executeAsync(): Promise<string | null> {
    return null
  }

  override async sync(): Promise<void> {}
}

describe('checkExecutorClass', () => {
  it('accepts a class that writes executeAsync and sync alone', () => {
    expect(() => checkExecutorClass(PlainExecutor)).not.toThrow()
    expect(() => checkExecutor(new PlainExecutor(fakeExecutorHost().host))).not.toThrow()
  })

  it.each(FINAL_MEMBERS)('refuses an overridden %s, also in the middle of the chain', (member) => {
    class Middle extends PlainExecutor {}
    Object.defineProperty(Middle.prototype, member, { value: () => undefined })
    class Meddling extends Middle {}
    expect(() => checkExecutorClass(Meddling)).toThrow(
      `Meddling overrides ${member}, which is final in BaseExecutor: core relies on it. Remove or rename it.`,
    )
  })

  it('refuses a final member that a field of the instance hides', () => {
    class Meddling extends PlainExecutor {
      override hasTask = (): boolean => true
    }
    expect(() => checkExecutorClass(Meddling)).not.toThrow()
    expect(() => checkExecutor(new Meddling(fakeExecutorHost().host))).toThrow(/Meddling overrides hasTask/)
  })

  it.each([
    ['undefined', undefined, /undefined is not an executor: it is not a class/],
    ['an arrow function', () => undefined, /it is not a class/],
    ['a class without the brand', class Stranger {}, /Stranger is not an executor: it lacks the executor brand/],
  ])('refuses %s', (_name, candidate, message) => {
    expect(() => checkExecutorClass(candidate)).toThrow(message)
  })

  it.each(['executeAsync', 'sync'] as const)('refuses a class without %s', (missing) => {
    abstract class Half extends BaseExecutor {}
    const other = missing === 'sync' ? 'executeAsync' : 'sync'
    Object.defineProperty(Half.prototype, other, { value: async () => null })
    expect(() => checkExecutorClass(Half)).toThrow(`Half has no ${missing}(). Write it`)
  })

  it('refuses another version of the contract, and names both', () => {
    const Foreign = class Foreign {}
    Object.defineProperty(Foreign.prototype, EXECUTOR_BRAND, { value: 7 })
    expect(() => checkExecutorClass(Foreign)).toThrow(/Foreign speaks executor contract 7, and this Fairlead speaks 1/)
  })

  it('accepts, and still guards, a class made with another copy of the package', async () => {
    vi.resetModules()
    const other = await import('./index.ts')
    expect(other.BaseExecutor).not.toBe(BaseExecutor)
    class Theirs extends other.BaseExecutor {
      override async executeAsync(): Promise<null> {
        return null
      }
      override async sync(): Promise<void> {}
    }
    expect(() => checkExecutorClass(Theirs)).not.toThrow()
    class Meddling extends Theirs {}
    Object.defineProperty(Meddling.prototype, 'hasTask', { value: () => true })
    expect(() => checkExecutorClass(Meddling)).toThrow(/Meddling overrides hasTask/)
  })
})
