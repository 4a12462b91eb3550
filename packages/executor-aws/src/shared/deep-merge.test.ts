import { describe, expect, it } from 'vitest'
import { deepMerge, type Json } from './deep-merge.ts'

const NAMED = { containers: 'name', environment: 'name' }

describe('merging options', () => {
  it.each<[string, Json, Json, Json]>([
    ['lays key over key', { a: 1, b: { c: 2, d: 3 } }, { b: { c: 4 } }, { a: 1, b: { c: 4, d: 3 } }],
    ['deletes what is null', { a: 1, b: { c: 2 } }, { a: null, b: { c: null } }, { b: {} }],
    ['leaves no null of its own', { a: 1 }, { b: { c: null, d: 1 } }, { a: 1, b: { d: 1 } }],
    ['replaces a list without names', { subnets: ['a', 'b'] }, { subnets: ['c'] }, { subnets: ['c'] }],
    [
      'merges a named list element by element, whatever the order',
      { containers: [{ name: 'main', cpu: 1, memory: 2 }, { name: 'side' }] },
      { containers: [{ name: 'side', cpu: 9 }, { name: 'main', cpu: 8 }, { name: 'new' }] },
      { containers: [{ name: 'main', cpu: 8, memory: 2 }, { name: 'side', cpu: 9 }, { name: 'new' }] },
    ],
    [
      'merges a named list inside a named list',
      { containers: [{ name: 'main', environment: [{ name: 'A', value: '1' }] }] },
      {
        containers: [
          {
            name: 'main',
            environment: [
              { name: 'B', value: '2' },
              { name: 'A', value: '3' },
            ],
          },
        ],
      },
      {
        containers: [
          {
            name: 'main',
            environment: [
              { name: 'A', value: '3' },
              { name: 'B', value: '2' },
            ],
          },
        ],
      },
    ],
    ['lets an object replace what is none', { a: 'text' }, { a: { b: 1 } }, { a: { b: 1 } }],
  ])('%s', (_, below, above, expected) => {
    expect(deepMerge(below, above, NAMED)).toEqual(expected)
  })

  it('changes neither side, however often it is done', () => {
    const below = { containers: [{ name: 'main', environment: [{ name: 'A', value: '1' }] }] }
    const above = { containers: [{ name: 'main', environment: [{ name: 'B', value: '2' }] }] }
    const before = structuredClone([below, above])
    const once = deepMerge(below, above, NAMED)
    expect(deepMerge(once, above, NAMED)).toEqual(once)
    expect([below, above]).toEqual(before)
  })
})
