import { afterEach, expect, it } from 'vitest'
import { Dag } from './dag.ts'
import { isMain } from './is-main.ts'
import { SDK_SLOT, TEST_DRIVER_SLOT, writeSlot } from './symbols.ts'

afterEach(() => {
  writeSlot(SDK_SLOT, undefined)
  writeSlot(TEST_DRIVER_SLOT, undefined)
})

it('says what to import where nothing can run a test', async () => {
  await expect(new Dag('alone').test()).rejects.toMatchObject({ code: 'TEST_DRIVER_MISSING' })
})

it('does nothing where Fairlead reads the file', async () => {
  writeSlot(TEST_DRIVER_SLOT, () => Promise.reject(new Error('must not run')))
  writeSlot(SDK_SLOT, {})
  expect(await new Dag('read').test()).toEqual({ state: 'not_run', runId: '', tasks: {} })
})

it('tells the driver in which files the Dag may be, the likeliest first', async () => {
  const asked: unknown[] = []
  writeSlot(TEST_DRIVER_SLOT, (_dag: unknown, _options: unknown, files: readonly string[]) => asked.push(files[0]))
  class Report extends Dag {}
  await new Report('mine').test()
  expect(asked).toEqual([import.meta.filename])
})

it.each([
  ['what Node says itself', { url: 'file:///x.js', main: true }, true],
  ['what Node says itself', { url: `file://${process.argv[1]}`, main: false }, false],
  ['the file that Node was started with', { url: `file://${process.argv[1]}` }, true],
  ['another file', { url: import.meta.url }, false],
  ['something that is no file', { url: 'data:text/javascript,1' }, false],
])('knows the main file by %s', (_, meta, expected) => {
  expect(isMain(meta)).toBe(expected)
})
