import { describe, expect, it } from 'vitest'
import { openBatcher } from './batcher.ts'

describe('a batcher', () => {
  it('hands what arrives during a batch to the next one', async () => {
    const batches: number[][] = []
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const batcher = openBatcher(async (items: readonly number[]) => {
      batches.push([...items])
      if (batches.length === 1) await gate
      return items.map((item) => item * 10)
    })
    const first = batcher.add(1)
    await Promise.resolve()
    await Promise.resolve()
    const rest = [batcher.add(2), batcher.add(3)]
    open()
    expect(await Promise.all([first, ...rest])).toEqual([10, 20, 30])
    expect(batches).toEqual([[1], [2, 3]])
  })

  it('fails only the item that cannot be done', async () => {
    const batcher = openBatcher((items: readonly number[]) =>
      items.includes(2) ? Promise.reject(new Error('two')) : Promise.resolve(items),
    )
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('asks once, and no more for each item, where an error is of all of them', async () => {
    let asked = 0
    const batcher = openBatcher<number, number>(
      () => {
        asked += 1
        return Promise.reject(new Error('away'))
      },
      (error) => error instanceof Error && error.message === 'away',
    )
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(asked).toBe(1)
  })

  it('is drained when nothing is under way', async () => {
    const batcher = openBatcher((items: readonly number[]) => Promise.resolve(items))
    const added = batcher.add(1)
    await batcher.drain()
    expect(await added).toBe(1)
    await batcher.drain()
  })
})
