import { describe, expect, it } from 'vitest'
import { loadConfig } from '../config/index.ts'
import { configuredExecutors } from './configured-executors.ts'

const executorsOf = (content: unknown, text?: string) =>
  configuredExecutors(
    loadConfig({
      cwd: '/work',
      env: text === undefined ? {} : { FAIRLEAD__CORE__EXECUTOR: text },
      file: { path: 'fairlead.config.ts', content },
    }),
    'BuiltIn',
  ).map(({ name, reference, parallelism, settings }) => ({ name, ...reference, parallelism, settings }))

const map = {
  executors: {
    fast: { executor: 'BuiltIn', parallelism: 3 },
    own: { executor: './x.ts#Own', settings: { region: 'eu' } },
  },
}

describe('configured executors', () => {
  it('is the built-in one when nothing is configured', () => {
    expect(executorsOf({})).toEqual([
      { name: 'BuiltIn', kind: 'shortName', shortName: 'BuiltIn', parallelism: 32, settings: {} },
    ])
  })

  it('is every entry of the map, the default first', () => {
    expect(executorsOf(map)).toEqual([
      { name: 'fast', kind: 'shortName', shortName: 'BuiltIn', parallelism: 3, settings: {} },
      { name: 'own', kind: 'module', module: './x.ts', exportName: 'Own', parallelism: 32, settings: { region: 'eu' } },
    ])
  })

  it('lets the text choose among the entries of the map and add others', () => {
    expect(executorsOf(map, 'own,a:BuiltIn').map(({ name }) => name)).toEqual(['own', 'a'])
  })

  it('refuses an entry that names two executors', () => {
    expect(() => executorsOf({ executors: { both: { executor: 'A,B' } } })).toThrow(
      /executors.both.executor must name one/,
    )
  })
})
