import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const folder = mkdtempSync(join(tmpdir(), 'fairlead-typed-'))

const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: [],
  },
}

const EXECUTOR = `
import type { StandardSchema } from '@fairlead/executor'
export declare class Cloud {
  static readonly executorConfigSchema: StandardSchema<{ cpu: number; region?: 'eu' | 'us' }>
}
export declare class Plain {
  static readonly executorConfigSchema: null
}
`

const CONFIG = `
import { defineConfig, type ExecutorsOf } from 'fairlead'
import type { Cloud, Plain } from './executor.ts'

const config = defineConfig({
  core: { parallelism: 3 },
  executors: {
    local: { executor: 'SomeExecutor' },
    cloud: { executor: './executor.ts#Cloud', parallelism: 100 },
    plain: { executor: './executor.ts#Plain' },
  },
})
export default config
`

const REGISTER = `
declare module 'fairlead' {
  interface Register { executors: ExecutorsOf<typeof config, { cloud: typeof Cloud; plain: typeof Plain }> }
}
`

beforeAll(() => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(root, 'node_modules/@fairlead'), join(folder, 'node_modules/@fairlead'))
  symlinkSync(join(root, 'packages/fairlead'), join(folder, 'node_modules/fairlead'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-b', 'packages/fairlead'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

afterAll(() => rmSync(folder, { recursive: true }))

/** What tsc says of a Dag beside a configuration; a directive of `@ts-expect-error` that nothing needs is an error too. */
function check(name: string, config: string, dag: string): string {
  const project = join(folder, name)
  mkdirSync(project)
  const files = { 'executor.ts': EXECUTOR, 'fairlead.config.ts': config, 'dag.ts': dag }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text)
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(TSCONFIG))
  return spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' }).stdout
}

describe('a registered configuration', () => {
  it('has executor and executorConfig checked where a task is written', () => {
    const dag = `
import { Dag } from 'fairlead'

const dag = new Dag('typed', { executor: 'cloud', defaultArgs: { executor: 'local' } })
dag.task('a', () => 1, { executor: 'cloud', executorConfig: { cpu: 2, region: 'eu' } })
dag.task('b', () => 1, { executor: 'local', executorConfig: { whatever: true } })
dag.task('c', () => 1, { executorConfig: { cpu: 2 } })
dag.shell('d', 'true', { executor: 'cloud', executorConfig: { cpu: 2 } })
dag.task('e', () => 1, { executor: 'plain' })
// @ts-expect-error no executor of that name
dag.task('f', () => 1, { executor: 'clod' })
// @ts-expect-error no executor of that name
new Dag('other', { executor: 'clod' })
// @ts-expect-error the key is unknown
dag.task('g', () => 1, { executor: 'cloud', executorConfig: { cpu: 2, memory: 1 } })
// @ts-expect-error the value is wrong
dag.task('h', () => 1, { executor: 'cloud', executorConfig: { cpu: 'two' } })
// @ts-expect-error the value is wrong
dag.shell('i', 'true', { executor: 'cloud', executorConfig: { cpu: 2, region: 'mars' } })
// @ts-expect-error this executor takes none
dag.task('j', () => 1, { executor: 'plain', executorConfig: { cpu: 2 } })
`
    expect(check('registered', CONFIG + REGISTER, dag)).toBe('')
  })

  it('can register the names alone', () => {
    const register = `declare module 'fairlead' { interface Register { executors: ExecutorsOf<typeof config> } }`
    const dag = `
import { Dag } from 'fairlead'
const dag = new Dag('named')
dag.task('a', () => 1, { executor: 'cloud', executorConfig: { anything: 1 } })
// @ts-expect-error no executor of that name
dag.task('b', () => 1, { executor: 'clod' })
`
    expect(check('named', CONFIG + register, dag)).toBe('')
  })
})

describe('a configuration that is not registered', () => {
  it('leaves executor a string and executorConfig unknown', () => {
    const dag = `
import { Dag, type ExecutorConfig, type ExecutorName } from 'fairlead'
const dag = new Dag('free', { executor: 'clod' })
dag.task('a', () => 1, { executor: 'anything', executorConfig: { cpu: 'two' } })
const name: ExecutorName = String('x')
const config: ExecutorConfig = Symbol('x')
export { name, config }
`
    expect(check('free', CONFIG, dag)).toBe('')
  })

  it('still has the keys of the configuration checked', () => {
    const config = `
import { defineConfig } from 'fairlead'
// @ts-expect-error the section is unknown
export default defineConfig({ cor: {} })
// @ts-expect-error the key is unknown
export const second = defineConfig({ executors: { a: { executor: 'x', paralelism: 3 } } })
`
    expect(check('keys', config, 'export {}')).toBe('')
  })
})
