import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dagFile, setUpDagProcessor, type DagProcessorSetup } from '../../../../testkit/dag-processor.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'

let parseScript: string
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  const built = await buildParseScript()
  parseScript = built.path
  return built.remove
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function setUp(files: Record<string, string>, given: Parameters<typeof setUpDagProcessor>[2] = {}): DagProcessorSetup {
  const setup = setUpDagProcessor(parseScript, files, given)
  cleanups.push(setup.close)
  return setup
}

/** Runs one handler of a registered file's bundle, in a new process in an empty folder. */
async function runHandler({ folder, sink }: DagProcessorSetup, file: string, taskId: string): Promise<unknown> {
  const empty = mkdtempSync(join(tmpdir(), 'fairlead-empty-'))
  cleanups.push(() => rmSync(empty, { recursive: true, force: true }))
  const runner = join(empty, 'runner.cjs')
  await build({
    stdin: {
      contents: `
        import { installSdk } from './sdk-global.ts'
        import { loadBundle } from './load-bundle.ts'
        import { installSourcePositions } from './source-positions.ts'
        installSourcePositions()
        installSdk({ cwd: process.cwd() })
        const [dag] = await loadBundle(process.argv[2])
        try {
          const value = await dag.handlerOf(process.argv[3])(dag.literalsOf(process.argv[3]))
          process.stdout.write(JSON.stringify(value ?? null))
        } catch (error) {
          process.stdout.write(JSON.stringify({ stack: error.stack, code: error.code }))
        }`
        .replace('const [dag]', 'async function main() { const [dag]')
        .concat('} main()'),
      resolveDir: fileURLToPath(new URL('../../../task-runner/src', import.meta.url)),
      loader: 'ts',
    },
    outfile: runner,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    conditions: ['@fairlead/source'],
    logLevel: 'silent',
  })
  const bundlePath = join(folder.bundles, sink.hashOf(file), 'bundle.mjs')
  const child = spawnSync(process.execPath, [runner, bundlePath, taskId], { cwd: empty, env: {}, encoding: 'utf8' })
  if (child.stderr !== '') throw new Error(child.stderr)
  return JSON.parse(child.stdout)
}

describe('a bundle runs from an empty folder', () => {
  it('with top-level await', async () => {
    const setup = setUp({ 'a.ts': dagFile('a', 'return answer', 'const answer = await Promise.resolve(42)') })
    await setup.processor.refresh()
    expect(await runHandler(setup, 'a.ts', 'work')).toBe(42)
  })

  it('with a CommonJS dependency that requires, asks where it is and clashes with names of the author', async () => {
    const setup = setUp({
      'a.ts': dagFile(
        'a',
        'return [legacy.answer(), typeof require, __dirname, __filename]',
        "import legacy from 'legacy'\nimport { createRequire } from 'node:module'\n" +
          "const require = createRequire(import.meta.url)\nconst __dirname = 'mine'\nconst __filename = 'mine too'",
      ),
    })
    setup.folder.write('node_modules/legacy/package.json', '{"name":"legacy","version":"1.0.0"}')
    setup.folder.write(
      'node_modules/legacy/index.js',
      "const path = require('path')\nconst inner = require('./inner')\n" +
        "exports.answer = () => path.basename(__dirname).length + inner.length + (typeof require === 'function' ? 1 : 0)",
    )
    setup.folder.write('node_modules/legacy/inner.js', 'module.exports = [1, 2]')
    await setup.processor.refresh()
    expect(await runHandler(setup, 'a.ts', 'work')).toEqual([64 + 2 + 1, 'function', 'mine', 'mine too'])
  })

  it('with a package that has native code, found where the Dag was compiled', async () => {
    const setup = setUp({
      'a.ts': dagFile(
        'a',
        "return new DatabaseSync(':memory:').prepare('select 6 * 7 as answer').get()",
        "import { DatabaseSync } from '@photostructure/sqlite'",
      ),
    })
    setup.folder.install('@photostructure/sqlite')
    await setup.processor.refresh()
    expect(await runHandler(setup, 'a.ts', 'work')).toEqual({ answer: 42 })
    const manifest = readFileSync(join(setup.folder.bundles, setup.sink.hashOf('a.ts'), 'manifest.json'), 'utf8')
    expect(JSON.parse(manifest)).toMatchObject({ externals: { '@photostructure/sqlite': '1.2.1' } })
  })

  it('not without its native package, which is named with its version', async () => {
    const setup = setUp({ 'a.ts': dagFile('a', "return (await import('pkg')).value") }, { externals: ['pkg'] })
    setup.folder.write('node_modules/pkg/package.json', '{"name":"pkg","version":"1.2.3"}')
    setup.folder.write('node_modules/pkg/index.js', 'exports.value = 7')
    await setup.processor.refresh()
    expect(await runHandler(setup, 'a.ts', 'work')).toBe(7)
    setup.folder.write('node_modules/pkg/package.json', '{"name":"pkg","version":"2.0.0"}')
    expect(await runHandler(setup, 'a.ts', 'work')).toMatchObject({
      code: 'EXTERNAL_PACKAGE_VERSION',
      stack: expect.stringMatching(/"pkg" 1\.2\.3.*2\.0\.0/),
    })
    setup.folder.delete('node_modules/pkg/package.json')
    expect(await runHandler(setup, 'a.ts', 'work')).toMatchObject({
      code: 'EXTERNAL_PACKAGE_MISSING',
      stack: expect.stringContaining('npm install pkg@1.2.3'),
    })
  })

  it('with assets by import.meta.url, of the Dag file and of a module in another folder, and by glob', async () => {
    const setup = setUp(
      {
        'team/a.ts': dagFile(
          'a',
          "return [readFileSync(new URL('./rows.csv', import.meta.url), 'utf8'), query(), " +
            "readFileSync(join(import.meta.dirname, '../seed/x.json'), 'utf8')]",
          "import { readFileSync } from 'node:fs'\nimport { join } from 'node:path'\nimport { query } from '../lib/query.ts'",
        ),
        'team/rows.csv': 'a,b',
        'seed/x.json': '{}',
        'lib/query.ts':
          "import { readFileSync } from 'node:fs'\n" +
          "export const query = () => readFileSync(new URL('./query.sql', import.meta.url), 'utf8')",
        'lib/query.sql': 'select 1',
      },
      { assets: ['seed/*.json'] },
    )
    await setup.processor.refresh()
    const hash = setup.sink.hashOf('team/a.ts')
    rmSync(join(setup.folder.dags, 'seed'), { recursive: true })
    expect(await runHandler(setup, 'team/a.ts', 'work')).toEqual(['a,b', 'select 1', '{}'])

    setup.folder.write('seed/x.json', '{}')
    setup.folder.write('lib/query.sql', 'select 2')
    await setup.processor.refresh()
    expect(setup.sink.hashOf('team/a.ts')).not.toBe(hash)
    expect(await runHandler(setup, 'team/a.ts', 'work')).toEqual(['a,b', 'select 2', '{}'])
  })

  it('for two Dag files that share a module, each with its own copy', async () => {
    const head = "import { next } from './shared.ts'"
    const setup = setUp({
      'a.ts': dagFile('a', 'return next()', head),
      'b.ts': dagFile('b', 'return next() + 1', head),
      'shared.ts': 'let n: number = 1\nexport const next = (): number => n++\n',
    })
    await setup.processor.refresh()
    expect(setup.sink.calls.toSorted()).toEqual(['register a.ts', 'register b.ts'])
    expect(await runHandler(setup, 'a.ts', 'work')).toBe(1)
    expect(await runHandler(setup, 'b.ts', 'work')).toBe(2)
  })

  it('with stack traces on the lines of the TypeScript source', async () => {
    const setup = setUp({
      'a.ts': dagFile('a', 'return fail({ why: 1 })', "import { fail } from './lib/fail.ts'"),
      'lib/fail.ts':
        'interface Why {\n  why: number\n}\n\nexport function fail(why: Why): never {\n  throw new Error(`no ${why.why}`)\n}\n',
    })
    await setup.processor.refresh()
    const { stack } = (await runHandler(setup, 'a.ts', 'work')) as { stack: string }
    expect(stack).toContain(`at fail (${join(setup.folder.dags, 'lib/fail.ts')}:6:9)`)
    expect(stack).toContain(`${join(setup.folder.dags, 'a.ts')}:5:10`)
  })

  it('with stack traces on the lines as they are after reformatting, which makes no new version', async () => {
    const setup = setUp({ 'a.ts': dagFile('a', "throw new Error('no')") })
    await setup.processor.refresh()
    const hash = setup.sink.hashOf('a.ts')
    setup.folder.write('a.ts', `\n\n// moved\n${dagFile('a', "throw new Error('no')")}`)
    await setup.processor.refresh()
    expect(setup.sink.hashOf('a.ts')).toBe(hash)
    const { stack } = (await runHandler(setup, 'a.ts', 'work')) as { stack: string }
    expect(stack).toContain(`${join(setup.folder.dags, 'a.ts')}:8:9`)
  })

  it('with literal arguments and none of the environment', async () => {
    const setup = setUp({
      'a.ts':
        "import { Dag } from 'fairlead'\nexport const dag = new Dag('a')\n" +
        "dag.task('work', ({ rows }: { rows: number[] }) => rows.length)({ rows: [1, 2, 3] })\n",
    })
    await setup.processor.refresh()
    expect(await runHandler(setup, 'a.ts', 'work')).toBe(3)
  })
})
