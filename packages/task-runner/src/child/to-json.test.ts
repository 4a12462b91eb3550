import { expect, it } from 'vitest'
import { toJson } from './to-json.ts'

it.each([
  [{ a: [1, 'x', null, true] }, '{"a":[1,"x",null,true]}'],
  [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  [{ gone: undefined }, '{}'],
  [Object.create(null), '{}'],
])('writes plain data: %j', (value, json) => expect(toJson(value, 'the value')).toBe(json))

it.each([
  [1n, 'the value is a bigint'],
  [{ f: () => 1 }, '"f" in the value is a function'],
  [{ n: [Number.NaN] }, '"0" in the value is NaN, which JSON has no number for'],
  [new Map(), 'the value is an instance of Map, not plain data'],
  [undefined, 'the value is undefined'],
])('refuses what JSON would drop or change, naming the place (%#)', (value, message) => {
  expect(() => toJson(value, 'the value')).toThrow(message)
})

it('refuses what contains itself', () => {
  const value: Record<string, unknown> = {}
  value['self'] = value
  expect(() => toJson(value, 'the value')).toThrow(/circular/)
})
