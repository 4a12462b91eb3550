import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatExecutorReference, parseExecutorNames } from './executor-names.ts'

const names = (text: string): string[] => parseExecutorNames(text).map(({ name }) => name)

describe('parseExecutorNames', () => {
  it.each([
    ['LocalExecutor', 'LocalExecutor', { kind: 'shortName', shortName: 'LocalExecutor' }],
    ['ecs:EcsExecutor', 'ecs', { kind: 'shortName', shortName: 'EcsExecutor' }],
    ['./executors/mine.ts#Mine', 'Mine', { kind: 'module', module: './executors/mine.ts', exportName: 'Mine' }],
    ['../mine.ts#Mine', 'Mine', { kind: 'module', module: '../mine.ts', exportName: 'Mine' }],
    ['/opt/a=b/mine.ts#Mine', 'Mine', { kind: 'module', module: '/opt/a=b/mine.ts', exportName: 'Mine' }],
    ['some-package#Mine', 'Mine', { kind: 'module', module: 'some-package', exportName: 'Mine' }],
    ['@acme/x/y.js#Mine', 'Mine', { kind: 'module', module: '@acme/x/y.js', exportName: 'Mine' }],
    ['file:///opt/mine.js#Mine', 'Mine', { kind: 'module', module: 'file:///opt/mine.js', exportName: 'Mine' }],
    ['m:file:///opt/mine.js#Mine', 'm', { kind: 'module', module: 'file:///opt/mine.js', exportName: 'Mine' }],
    ['alias:./mine.ts#$Mine', 'alias', { kind: 'module', module: './mine.ts', exportName: '$Mine' }],
  ])('reads %s', (text, name, reference) => {
    expect(parseExecutorNames(text)).toMatchObject([{ name, reference }])
  })

  it('keeps the order, of which the first is the default, and trims', () => {
    expect(names(' LocalExecutor , ecs : EcsExecutor ,x#Y')).toEqual(['LocalExecutor', 'ecs', 'Y'])
  })

  it('makes two instances of one class under two aliases', () => {
    expect(names('small:EcsExecutor,big:EcsExecutor')).toEqual(['small', 'big'])
    expect(names('a:x#Y,b:x#Y')).toEqual(['a', 'b'])
  })

  it('takes two classes of one module', () => {
    expect(names('x#Y,x#Z')).toEqual(['Y', 'Z'])
  })

  it.each([
    ['', /No executor is configured\. Name at least one/],
    ['  ', /No executor is configured/],
    ['LocalExecutor,', /names an empty executor/],
    [',LocalExecutor', /names an empty executor/],
    ['A::B', /"A::B" is not a correct executor: it has more than one ":"/],
    ['a:b:c', /more than one ":"/],
    ['alias:', /nothing follows the alias "alias"/],
    [':LocalExecutor', /"" cannot be an alias/],
    ['a b:LocalExecutor', /"a b" cannot be an alias/],
    ['./x.ts#Mine:alias', /cannot be an alias/],
    ['alias:not-a-module', /"not-a-module" is neither the name of an executor nor "module#Class"/],
    [
      'airflow.executors.LocalExecutor',
      /with a dot, as Python does; write it after "#", such as "airflow.executors#LocalExecutor"/,
    ],
    ['./mine.ts#default', /so it needs an alias, such as "mine:.\/mine.ts#default"/],
    ['./mine.ts', /neither the name of an executor nor "module#Class"/],
    ['./mine.ts#', /"" cannot be the name of an exported class/],
    ['./mine.ts#a#b', /more than one "#"/],
    ['#Mine', /"" is neither a package nor a path/],
    ['x#my-class', /"my-class" cannot be the name of an exported class/],
    ['LocalExecutor,LocalExecutor', /Two executors are named "LocalExecutor"/],
    ['a:LocalExecutor,a:EcsExecutor', /Two executors are named "a"/],
    ['LocalExecutor,local:LocalExecutor', /"LocalExecutor" is configured twice\. Give both an alias/],
    ['x#Y,other:x#Y', /"x#Y" is configured twice/],
    ['x#Y,z#Y', /Two executors are named "Y"/],
    ['LocalExecutor;team_a=EcsExecutor', /gives executors to teams, and this Fairlead has no teams yet/],
    ['=LocalExecutor', /gives executors to teams/],
    ['team_a=LocalExecutor', /gives executors to teams/],
    ['team-a = LocalExecutor', /gives executors to teams/],
    ['LocalExecutor;', /gives executors to teams/],
  ])('refuses "%s"', (text, message) => {
    expect(() => parseExecutorNames(text)).toThrow(message)
  })

  it('either refuses a text with a code, or answers unique names that it reads again as the same', () => {
    const part = fc.oneof(
      fc.constantFrom('LocalExecutor', 'Ecs', ':', ',', '#', ';', '=', './x.ts', '@a/b', ' ', 'file:///x'),
      fc.string({ maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        let entries
        try {
          entries = parseExecutorNames(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'EXECUTOR_NAMES_INVALID' })
          return
        }
        expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length)
        const again = entries.map(({ name, reference }) => `${name}:${formatExecutorReference(reference)}`).join(',')
        expect(parseExecutorNames(again)).toMatchObject(entries.map(({ name, reference }) => ({ name, reference })))
      }),
      { numRuns: 2000 },
    )
  })
})
