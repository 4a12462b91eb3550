import { describe, expect, it } from 'vitest'
import { listConfig } from './listing.ts'
import { loadConfig, type ConfigSources } from './load.ts'

const load = (sources: Partial<ConfigSources> = {}) => loadConfig({ cwd: '/project', env: {}, ...sources })
const file = (content: unknown) => ({ path: '/project/fairlead.config.ts', content })

describe('configuration', () => {
  it('has a default for every key and resolves paths against the working folder', () => {
    const config = load()
    expect(config.core.parallelism).toBe(32)
    expect(config.paths).toMatchObject({
      home: '/project/.fairlead',
      dagsFolder: '/project/dags',
      databaseUrl: '/project/.fairlead/fairlead.db',
    })
    expect(config.executors).toEqual({})
  })

  it('prefers the environment to the file and the file to the default, and says which', () => {
    const config = load({
      file: file({ core: { parallelism: 4, dagsFolder: 'pipelines' } }),
      env: { FAIRLEAD__CORE__PARALLELISM: '7' },
    })
    expect(config.core).toMatchObject({ parallelism: 7, dagsFolder: 'pipelines' })
    expect(config.origins['core.parallelism']).toEqual({ kind: 'environment', variable: 'FAIRLEAD__CORE__PARALLELISM' })
    expect(config.origins['core.dags_folder']).toEqual({ kind: 'file', path: '/project/fairlead.config.ts' })
    expect(config.origins['core.executor']).toEqual({ kind: 'default' })
  })

  it('accepts FAIRLEAD_HOME as a short name of the home folder', () => {
    expect(load({ env: { FAIRLEAD_HOME: '/srv/lead' } }).paths.home).toBe('/srv/lead')
  })

  it('leaves alone what is said to workers', () => {
    expect(() => load({ env: { FAIRLEAD__WORKER__FOLDER: '/var/cache/fairlead' } })).not.toThrow()
  })

  it('is frozen all the way down', () => {
    const config = load()
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.core)).toBe(true)
    expect(Object.isFrozen(config.executors)).toBe(true)
  })

  it.each([
    ['a number', { FAIRLEAD__CORE__PARALLELISM: 'many' }, /FAIRLEAD__CORE__PARALLELISM must be integer/],
    ['an empty number', { FAIRLEAD__API__PORT: '' }, /FAIRLEAD__API__PORT must be integer/],
    ['a range', { FAIRLEAD__CORE__PARALLELISM: '0' }, /must be integer in task instances/],
    ['a flag', { FAIRLEAD__METRICS__IS_ENABLED: 'perhaps' }, /must be boolean/],
    ['a choice', { FAIRLEAD__LOGGING__LEVEL: 'loud' }, /must be debug \| info \| warn \| error/],
    ['an unknown key', { FAIRLEAD__CORE__PARALELISM: '3' }, /Did you mean "FAIRLEAD__CORE__PARALLELISM"/],
    ['an unknown section', { FAIRLEAD__CROE__HOME: '3' }, /Did you mean "FAIRLEAD__CORE__HOME"/],
  ])('refuses %s that is wrong in the environment', (_, env, message) => {
    expect(() => load({ env })).toThrow(message)
  })

  it.each([
    ['an unknown key', { core: { dags_folder: 'x' } }, /Unknown key "core.dags_folder".*Did you mean "dagsFolder"/],
    ['an unknown section', { croe: {} }, /Unknown section "croe".*Did you mean "core"/],
    ['a wrong value', { api: { port: '8080' } }, /api.port in .*fairlead.config.ts must be integer/],
    ['a module without an object', undefined, /Export an object/],
    ['a misspelt executor entry', { executors: { a: { exectuor: 'LocalExecutor' } } }, /executors.a/],
  ])('refuses %s in the file', (_, content, message) => {
    expect(() => load({ file: file(content) })).toThrow(message)
  })

  it('reads flags in the words people use', () => {
    expect(load({ env: { FAIRLEAD__METRICS__IS_ENABLED: 'No' } }).metrics.isEnabled).toBe(false)
    expect(load({ env: { FAIRLEAD__METRICS__IS_ENABLED: '1' } }).metrics.isEnabled).toBe(true)
  })

  it('hides a database address in listings but not the default', () => {
    const shown = (env: Record<string, string>) =>
      listConfig(load({ env })).find((row) => row.section === 'database' && row.key === 'url')?.value
    expect(shown({})).toBe('')
    expect(shown({ FAIRLEAD__DATABASE__URL: 'postgres://me:secret@db/x' })).toBe('< hidden >')
  })
})
