import { EXECUTOR_BRAND, BaseExecutor, type StandardSchema } from '@fairlead/executor'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../config/index.ts'
import { configuredExecutors } from './configured-executors.ts'
import { loadExecutors, type LoadedExecutor } from './load-executors.ts'

class PlainExecutor extends BaseExecutor {
  override async executeAsync(): Promise<null> {
    return null
  }
  override async sync(): Promise<void> {}
}
class NearExecutor extends PlainExecutor {}
class FarExecutor extends PlainExecutor {
  static override readonly configSchema: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        'region' in Object(value) ? { value } : { issues: [{ message: 'is missing', path: [{ key: 'region' }] }] },
    },
  }
}
class OlderExecutor {}
Object.defineProperty(OlderExecutor.prototype, EXECUTOR_BRAND, { value: 0 })
class MeddlingExecutor extends PlainExecutor {}
Object.defineProperty(MeddlingExecutor.prototype, 'sendCallback', { value: () => undefined })

const MODULES: Record<string, Record<string, unknown>> = {
  acme: { NearExecutor, FarExecutor, OlderExecutor, MeddlingExecutor, version: '1.0', Half: class {} },
  './default.ts': { default: NearExecutor },
  './empty.ts': {},
}

function load(text: string, executors: object = {}): Promise<readonly LoadedExecutor[]> {
  const config = loadConfig({
    cwd: '/work',
    env: { FAIRLEAD__CORE__EXECUTOR: text },
    file: { path: 'fairlead.config.ts', content: { executors } },
  })
  return loadExecutors(configuredExecutors(config, 'BuiltIn'), {
    builtIn: {
      BuiltIn: async () => PlainExecutor,
      Broken: async () => {
        throw new Error('it needs a driver')
      },
    },
    loadModule: async (name) => {
      const found = MODULES[name]
      if (found === undefined) throw new Error(`Cannot find package '${name}'`)
      return found
    },
  })
}

describe('loading executors', () => {
  it('takes short names, modules, aliases and lists, the first as the default', async () => {
    const loaded = await load('far,BuiltIn,acme#NearExecutor,mine:./default.ts#default', {
      far: { executor: 'acme#FarExecutor', settings: { region: 'eu' }, parallelism: 7 },
    })
    expect(loaded.map(({ name, executorClass, parallelism }) => [name, executorClass, parallelism])).toEqual([
      ['far', FarExecutor, 7],
      ['BuiltIn', PlainExecutor, 32],
      ['NearExecutor', NearExecutor, 32],
      ['mine', NearExecutor, 32],
    ])
  })

  it('makes two instances of one class, with settings and parallelism of their own', async () => {
    const loaded = await load('', {
      small: { executor: 'acme#FarExecutor', parallelism: 1, settings: { region: 'eu' } },
      big: { executor: 'acme#FarExecutor', parallelism: 100, settings: { region: 'us' } },
    })
    expect(loaded.map(({ name, parallelism, settings }) => ({ name, parallelism, settings }))).toEqual([
      { name: 'small', parallelism: 1, settings: { region: 'eu' } },
      { name: 'big', parallelism: 100, settings: { region: 'us' } },
    ])
    expect(loaded.map(({ otherNames }) => otherNames)).toEqual([[], []])
  })

  it('lets a Dag name one by its text, its module and its class, where that is clear', async () => {
    const loaded = await load('near:acme#NearExecutor,far', {
      far: { executor: 'acme#FarExecutor', settings: { region: 'eu' } },
    })
    expect(loaded.map(({ otherNames }) => otherNames)).toEqual([
      ['acme#NearExecutor', 'NearExecutor'],
      ['acme#FarExecutor', 'FarExecutor'],
    ])
  })
})

/** Airflow's error cases, each with the item and the remedy. */
describe('a list of executors that cannot be loaded is refused', () => {
  it.each([
    ['an empty item', 'BuiltIn,', '"BuiltIn," names an empty executor. Remove the comma too many.'],
    ['an alias with nothing', 'alias:', '"alias:" is not a correct executor: nothing follows the alias "alias". Write'],
    [
      'a second part that is no executor',
      'alias:not-one',
      '"not-one" is neither the name of an executor nor "module#Class"',
    ],
    ['a Python path', 'alias:a.b.Mine', 'write it after "#", such as "a.b#Mine"'],
    ['two colons', 'a:b:c', 'it has more than one ":"'],
    ['two colons in a row', 'A::B', 'it has more than one ":"'],
    [
      'one class twice',
      'acme#NearExecutor,acme#NearExecutor',
      'Two executors are named "NearExecutor". Give each an alias',
    ],
    [
      'one class twice, once aliased',
      'BuiltIn,other:BuiltIn',
      'Give both an alias of their own, such as "first:BuiltIn,second:BuiltIn"',
    ],
    ['one alias twice', 'a:BuiltIn,a:acme#NearExecutor', 'Two executors are named "a"'],
    [
      'a team',
      'BuiltIn;team_a=acme#NearExecutor',
      'this Fairlead has no teams yet. Write one list without ";" and "="',
    ],
    ['a team twice', 'BuiltIn;t=A;t=B', 'this Fairlead has no teams yet'],
    ['two global groups', 'BuiltIn;acme#NearExecutor', 'this Fairlead has no teams yet'],
    ['a team alone', 'team_a=BuiltIn', 'this Fairlead has no teams yet'],
    ['a team before the global group', 'team_a=BuiltIn;BuiltIn', 'this Fairlead has no teams yet'],
    ['a global group by its sign', '=BuiltIn', 'this Fairlead has no teams yet'],
    [
      'a short name that is unknown',
      'BuildIn',
      'There is no executor "BuildIn". Did you mean "BuiltIn"? Others are named by `module#Class`.',
    ],
    ['a name of every object', 'toString', 'There is no executor "toString".'],
    [
      'a built-in one whose module fails',
      'Broken',
      'Executor "Broken" (Broken) could not be loaded: it needs a driver.',
    ],
    [
      'a module that is not there',
      'x:nowhere#Mine',
      `Executor "x" (nowhere#Mine) could not be loaded: Cannot find package 'nowhere'. Check that it is installed and spelt so. It is configured by core.executor or executors.x.`,
    ],
    ['an export that is not there', 'acme#Neer', '"acme" exports no "Neer"; it exports "NearExecutor", "FarExecutor"'],
    ['an export of an empty module', 'x:./empty.ts#Mine', 'it exports nothing. Correct the name after "#".'],
    [
      'a class exported by default',
      './default.ts#Mine',
      'and its class by default. Name it "Mine:./default.ts#default", or export it by its name.',
    ],
    [
      'a default export without an alias',
      './default.ts#default',
      'so it needs an alias, such as "mine:./default.ts#default"',
    ],
    [
      'an export that is no class',
      'acme#version',
      'Executor "version" (acme#version) is no executor of this Fairlead: string is not an executor: it is not a class.',
    ],
    [
      'a class that is no executor',
      'acme#Half',
      'Half is not an executor: it lacks the executor brand. Extend BaseExecutor of @fairlead/executor.',
    ],
    [
      'another version of the contract',
      'acme#OlderExecutor',
      'OlderExecutor speaks executor contract 0, and this Fairlead speaks 1. Install the release',
    ],
    [
      'an overridden final member',
      'acme#MeddlingExecutor',
      'MeddlingExecutor overrides sendCallback, which is final in BaseExecutor',
    ],
    [
      'settings that the class refuses',
      'acme#FarExecutor',
      'The settings of executor "FarExecutor" are not valid: region: is missing. Correct executors.FarExecutor.settings.',
    ],
  ])('%s', async (_name, text, message) => {
    // Reading the list throws at once, loading it later.
    const loading = (async () => load(text))()
    await expect(loading).rejects.toThrow(message)
  })
})
