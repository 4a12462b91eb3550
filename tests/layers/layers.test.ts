import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Rule that must refuse it, file to plant, its text. */
const PLANTED = [
  ['package-protocol', 'protocol/src/planted.ts', `import '@fairlead/sdk'`],
  ['package-sdk', 'sdk/src/planted.ts', `import type { Task } from '@fairlead/task-runner'`],
  ['package-executor', 'executor/src/planted.ts', `import '@fairlead/core'`],
  ['package-executor-any', 'executor-local/src/planted.ts', `import '../../core/src/index.ts'`],
  ['package-core', 'core/src/scheduler/planted.ts', `import '@fairlead/executor-local'`],
  ['package-core', 'core/src/dispatch/planted.ts', `import '@fairlead/sdk'`],
  ['core-model', 'core/src/model/planted-upward.ts', `import '../db/schema.ts'`],
  ['core-db', 'core/src/db/planted-upward.ts', `import type { M } from '../moves/planted.ts'`],
  ['core-moves', 'core/src/moves/planted.ts', `import '../dispatch/planted.ts'`],
  ['core-scheduler', 'core/src/scheduler/planted-sideways.ts', `import '../api/planted.ts'`],
  ['core-api', 'core/src/api/planted.ts', `import '../../src/processes/planted.ts'`],
  ['core-has-no-loose-files', 'core/src/planted.ts', `import './index.ts'`],
  ['contract-from-dispatch-up', 'core/src/moves/planted-contract.ts', `import '@fairlead/executor'`],
  ['model-is-arithmetic', 'core/src/model/planted-io.ts', `import 'node:fs'`],
  ['model-is-arithmetic-too', 'core/src/model/planted-log.ts', `import 'pino'`],
  ['drivers-in-dialects', 'core/src/db/queries/planted-driver.ts', `import 'pg'`],
  ['drivers-in-dialects-too', 'core/src/moves/planted-driver.ts', `await import('node:sqlite')`],
  ['sql-in-db', 'core/src/scheduler/planted-sql.ts', `import { sql } from 'kysely'`],
  ['sql-in-db-too', 'core/src/moves/planted-statement.ts', `import '../db/statement.ts'`],
  [
    'queries-in-db',
    'core/src/moves/planted-query.ts',
    `export const f = (tx: any) => tx.query\n  .selectFrom('dag').execute()`,
  ],
  [
    'queries-in-db',
    'core/src/api/rest/planted-query.ts',
    `export const f = ({ query }: any) => query.deleteFrom('dag')`,
  ],
  ['queries-in-db', 'core/src/processes/planted-query.ts', `export const f = (db: any) => db.insertInto('dag')`],
  ['one-place-knows-the-engines', 'core/src/db/queries/planted-engine.ts', `import '../dialect/sqlite/engine.ts'`],
  ['no-tests-in-sources', 'core/src/dispatch/planted-testkit.ts', `import '../../../../testkit/eventually.ts'`],
  ['no-cycles', 'core/src/processes/planted.ts', `import type { O } from './other.ts'`],
  ['no-cycles', 'core/src/processes/other.ts', `import type { P } from './planted.ts'\nexport interface O { p: P }`],
  ['everything-resolves', 'sdk/src/planted-lost.ts', `import './nowhere.ts'`],
  ['environment-in-config', 'core/src/api/planted-words.ts', `export const home = process.env['HOME']`],
  ['no-executor-by-name', 'core/src/dispatch/planted-words.ts', `export const known = 'LocalExecutor'`],
  ['no-executor-by-name', 'core/src/db/planted-comment.ts', `// As the KubernetesExecutor does.`],
  ['no-executor-by-name', 'core/src/config/planted-string.ts', 'export const known = `a:SequentialExecutor`'],
  ['no-executor-by-name', 'sdk/src/planted-name.ts', `/** Runs on the AwsEcsExecutor. */`],
  ['no-executor-by-name', 'fairlead/src/cli/planted-name.ts', `export const usual = 'LocalExecutor'`],
  [
    'no-executor-by-name',
    'fairlead/src/cli/planted-import.ts',
    `export const load = () => import('@fairlead/executor-local')`,
  ],
  [
    'no-executor-by-name',
    'executor/src/planted-name.ts',
    `export const isDebug = (name: string) => name === 'DebugExecutor'`,
  ],
  ['no-executor-by-name', 'executor-other/src/planted-name.ts', `export const sibling = 'LocalExecutor'`],
  ['no-executor-by-name', 'core/src/scheduler/planted-name.ts', `// Wait for the PlantedExecutor.`],
  [
    'no-branch-on-an-executors-name',
    'core/src/api/planted-name.ts',
    `export const f = (executor: { name: string }) => executor.name === 'local'`,
  ],
  [
    'no-branch-on-an-executors-name',
    'fairlead/src/cli/planted-branch.ts',
    `export const f = (executorName: string) => executorName !== 'debug'`,
  ],
  ['no-branch-on-the-engine', 'core/src/db/queries/planted-words.ts', `export const f = (e: string) => e === 'sqlite'`],
  ['time-and-chance-are-arguments', 'core/src/scheduler/planted-words.ts', `export const at = Date.now()`],
] as const

describe('the layer check', () => {
  const copy = mkdtempSync(join(tmpdir(), 'fairlead-layers-'))
  let clean: CheckResult
  let planted: CheckResult

  beforeAll(() => {
    copyWorkspace(copy)
    clean = check(copy)
    // What an executor package declares is a name that nothing else may say.
    plant(join(copy, 'packages/executor-other/src/planted.ts'), 'export class PlantedExecutor {}')
    for (const [, file, text] of PLANTED) plant(join(copy, 'packages', file), text)
    planted = check(copy)
  }, 300_000)
  afterAll(() => rmSync(copy, { recursive: true }))

  it('reads the files and their imports', () => {
    const [files, imports] = (/(\d+) files with (\d+) imports/.exec(clean.stdout) ?? []).slice(1).map(Number)
    expect(files).toBeGreaterThan(20)
    expect(imports).toBeGreaterThan(50)
  })

  it('finds nothing planted in a clean copy', () => {
    expect(clean.stderr).not.toContain('planted')
  })

  it('fails on a forbidden import', () => {
    expect(planted.status).toBe(1)
  })

  it.each(PLANTED)('refuses by %s what packages/%s says', (rule, file) => {
    const refusals = planted.stderr.split('\n').filter((line) => line.includes(`packages/${file}`))
    expect(refusals).toContainEqual(expect.stringMatching(`^${rule}: `))
  })

  it('fails when there is nothing to read', () => {
    const empty = mkdtempSync(join(tmpdir(), 'fairlead-layers-'))
    mkdirSync(join(empty, 'packages'))
    const result = check(empty)
    rmSync(empty, { recursive: true })
    expect(result.status).not.toBe(0)
  })
})

type CheckResult = { status: number | null; stdout: string; stderr: string }

function check(workspace: string): CheckResult {
  return spawnSync(process.execPath, [join(root, 'scripts/check-layers.mjs'), workspace], { encoding: 'utf8' })
}

/** Sources and manifests only; libraries are linked, and workspace names lead into the copy. */
function copyWorkspace(to: string): void {
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const part of ['src', 'package.json']) {
      cpSync(join(root, 'packages', name, part), join(to, 'packages', name, part), { recursive: true })
    }
  }
  cpSync(join(root, 'testkit'), join(to, 'testkit'), { recursive: true })
  const modules = join(to, 'node_modules')
  mkdirSync(join(modules, '@fairlead'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@fairlead' && name !== 'fairlead') symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  for (const name of readdirSync(join(to, 'packages'))) {
    const link = name === 'fairlead' ? 'fairlead' : join('@fairlead', name)
    symlinkSync(join(to, 'packages', name), join(modules, link))
  }
}

function plant(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${text}\nexport const planted = 1\n`)
}
