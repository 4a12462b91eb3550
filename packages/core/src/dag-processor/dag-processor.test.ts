import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { DagSpec } from '@fairlead/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createDagsFolder, type TemporaryDagsFolder } from '../../../../testkit/dags-folder.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'
import type { DagImportError } from './dag-import-error.ts'
import { DagProcessor } from './dag-processor.ts'
import type { DagSink } from './dag-sink.ts'

let parseScript: string
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  parseScript = await buildParseScript()
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

class RecordingSink implements DagSink {
  readonly dags = new Map<string, { hash: string; dags: readonly DagSpec[] }>()
  readonly errors = new Map<string, DagImportError>()
  readonly calls: string[] = []

  async registerDagFile({ file, hash, dags }: { file: string; hash: string; dags: readonly DagSpec[] }): Promise<void> {
    this.calls.push(`register ${file}`)
    this.dags.set(file, { hash, dags })
    // A Dag belongs to the file that registered it last.
    const ids = new Set(dags.map((dag) => dag.dagId))
    for (const [other, held] of this.dags) {
      if (other !== file && held.dags.some((dag) => ids.has(dag.dagId))) this.dags.delete(other)
    }
    this.errors.delete(file)
  }

  async recordImportError({ file, error }: { file: string; error: DagImportError }): Promise<void> {
    this.calls.push(`error ${file}`)
    this.errors.set(file, error)
  }

  async forgetFile({ file }: { file: string }): Promise<void> {
    this.calls.push(`forget ${file}`)
    this.dags.delete(file)
    this.errors.delete(file)
  }

  async knownFiles(): Promise<string[]> {
    return [...new Set([...this.dags.keys(), ...this.errors.keys()])]
  }

  hashOf(file: string): string {
    return this.dags.get(file)?.hash ?? `nothing registered; ${JSON.stringify(this.errors.get(file))}`
  }
}

interface Setup {
  folder: TemporaryDagsFolder
  sink: RecordingSink
  processor: DagProcessor
}

function setUp(
  files: Record<string, string>,
  { folder = createDagsFolder(files), sink = new RecordingSink(), timeoutMs = 10_000, ...options } = {} as Partial<
    Setup & { timeoutMs: number; assets: string[]; externals: string[] }
  >,
): Setup {
  const processor = new DagProcessor({
    bundleName: 'dags',
    dagsFolder: folder.dags,
    bundlesFolder: folder.bundles,
    executors: ['LocalExecutor'],
    sink,
    log: { info: () => {}, warn: () => {} },
    parseScript,
    parseEnv: {},
    timeoutMs,
    processes: 2,
    ...options,
  })
  cleanups.push(
    () => folder.remove(),
    () => processor.close(),
  )
  return { folder, sink, processor }
}

/** Runs one handler of a registered file's bundle, in a new process in an empty folder. */
async function runHandler({ folder, sink }: Setup, file: string, taskId: string): Promise<unknown> {
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
        }`.replace('const [dag]', 'async function main() { const [dag]').concat('} main()'),
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

const dagFile = (dagId: string, body = 'return 1', head = ''): string =>
  `import { Dag } from 'fairlead'\n${head}\nconst dag = new Dag('${dagId}')\n` +
  `const work = dag.task('work', async () => {\n  ${body}\n})\nwork()\n`

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
        "return [legacy.answer(), typeof require, __dirname, __filename]",
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
      'lib/fail.ts': 'interface Why {\n  why: number\n}\n\nexport function fail(why: Why): never {\n  throw new Error(`no ${why.why}`)\n}\n',
    })
    await setup.processor.refresh()
    const { stack } = (await runHandler(setup, 'a.ts', 'work')) as { stack: string }
    expect(stack).toContain(`at fail (${join(setup.folder.dags, 'lib/fail.ts')}:6:9)`)
    expect(stack).toContain(`${join(setup.folder.dags, 'a.ts')}:5:10`)
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

describe('a mistake becomes an import error with file and line, and stops no other Dag', () => {
  const two = (line: string): string => `import { Dag } from 'fairlead'\n${line}`
  const cases: [string, Record<string, string>, Partial<DagImportError>][] = [
    [
      'a throw at import',
      { 'bad.ts': two("type A = {\n  a: 1\n}\nfunction boom(): A {\n  throw new TypeError('no')\n}\nboom()") },
      { kind: 'threw', file: 'bad.ts', line: 6, column: 9, message: 'TypeError: no' },
    ],
    [
      'a throw in a shared module',
      { 'bad.ts': two("import './lib/deep.ts'\nnew Dag('bad')"), 'lib/deep.ts': "\n\nthrow new Error('deep')\nexport {}" },
      { kind: 'threw', file: 'lib/deep.ts', line: 3 },
    ],
    ['a syntax error', { 'bad.ts': two('const = 1') }, { kind: 'compile', file: 'bad.ts', line: 2, column: 7 }],
    [
      'a package that is not installed',
      { 'bad.ts': two("import 'no-such-package'") },
      { kind: 'compile', file: 'bad.ts', line: 2, message: expect.stringContaining('no-such-package') as string },
    ],
    [
      'an import() without a literal path',
      { 'bad.ts': two("\nnew Dag('bad')\nexport const m = await import(process.argv[2]!)") },
      { kind: 'compile', code: 'DAG_DYNAMIC_IMPORT', file: 'bad.ts', line: 4 },
    ],
    [
      'a cycle',
      {
        'bad.ts': two(
          "const dag = new Dag('bad')\nconst a = dag.task('a', () => 1)()\nconst b = dag.task('b', () => 1)()\n" +
            "const c = dag.task('c', () => 1)()\na.before(b)\nb.before(c)\nc.before(a)",
        ),
      },
      { kind: 'author', code: 'DAG_CYCLE', file: 'bad.ts', message: expect.stringContaining('→') as string },
    ],
    [
      'a duplicate task id',
      { 'bad.ts': two("const dag = new Dag('bad')\ndag.task('a', () => 1)()\n\ndag.task('a', () => 2)()") },
      { code: 'TASK_DUPLICATE', line: 5, message: expect.stringContaining('bad.ts:3 and bad.ts:5') as string },
    ],
    [
      'an argument that JSON cannot hold',
      {
        'bad.ts': two(
          "const dag = new Dag('bad')\nconst a = dag.task('a', ({ f }: { f: object }) => f)\n\na({ f: { when: new Map() } })",
        ),
      },
      { code: 'INPUT_UNSERIALISABLE', line: 5, message: expect.stringContaining('"f".when') as string },
    ],
    [
      'an executor that is not configured',
      { 'bad.ts': two("const dag = new Dag('bad')\n\ndag.task('load', () => 1, { executor: 'ecs' })()") },
      { code: 'EXECUTOR_NOT_FOUND', line: 4, message: expect.stringMatching(/"ecs".*"LocalExecutor".*"load".*"bad"/) as string },
    ],
    [
      'a cron expression that means nothing',
      { 'bad.ts': two("\nnew Dag('bad', { schedule: 'every day' })") },
      { code: 'DAG_SCHEDULE_INVALID', line: 3 },
    ],
    ['an id with a slash', { 'bad.ts': two("new Dag('a/b')") }, { code: 'DAG_ID_INVALID', line: 2 }],
    ['a call of process.exit', { 'bad.ts': two('process.exit(0)\nnew Dag("x")') }, { kind: 'threw', line: 2 }],
    ['a crash of the whole process', { 'bad.ts': two('process.abort()\nnew Dag("x")') }, { kind: 'exited', file: 'bad.ts' }],
    [
      'an error that nobody awaits',
      {
        'bad.ts': two(
          "new Dag('bad')\nsetTimeout(() => {\n  throw new Error('late')\n}, 1)\nawait new Promise((done) => setTimeout(done, 5_000))",
        ),
      },
      { kind: 'threw', line: 4 },
    ],
    [
      'a Dag id that another file has',
      { 'bad.ts': two("\nnew Dag('a_good')") },
      { code: 'DAG_DUPLICATE', file: 'bad.ts', line: 3, message: expect.stringContaining('a_good.ts') as string },
    ],
  ]
  it.each(cases)('%s', async (_name, files, error) => {
    const { processor, sink } = setUp({ ...files, 'a_good.ts': dagFile('a_good'), 'z_good.ts': dagFile('z_good') })
    const pass = await processor.refresh()
    expect(sink.errors.get('bad.ts')).toMatchObject(error)
    expect([...sink.dags.keys()].toSorted()).toEqual(['a_good.ts', 'z_good.ts'])
    expect(pass.errors).toBe(1)
  })

  it('an endless loop, on the line that loops', async () => {
    const loop = two("let n = 0\nfunction spin(): void {\n  while (n >= 0) {\n    n += 1\n  }\n}\nnew Dag('bad')\nspin()")
    const { processor, sink } = setUp({ 'bad.ts': loop, 'good.ts': dagFile('good') }, { timeoutMs: 800 })
    await processor.refresh()
    const error = sink.errors.get('bad.ts')
    expect(error).toMatchObject({ kind: 'timeout', code: 'DAG_IMPORT_TIMEOUT', file: 'bad.ts' })
    expect([4, 5, 6]).toContain(error?.line)
    expect(sink.dags.has('good.ts')).toBe(true)
  })

  it('a top-level await that never ends', async () => {
    const { processor, sink } = setUp({ 'bad.ts': two("new Dag('bad')\nawait new Promise(() => {})") }, { timeoutMs: 300 })
    await processor.refresh()
    expect(sink.errors.get('bad.ts')).toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('top-level await') as string,
    })
  })

  it('and a child that an earlier file has poisoned costs only that file', async () => {
    const poison = "new Dag('poison')\nsetTimeout(() => {\n  throw new Error('poisoned')\n}, 30)"
    const slow = (id: string): string => two(`new Dag('${id}')\nawait new Promise((done) => setTimeout(done, 200))`)
    const { processor, sink } = setUp({ 'a.ts': two(poison), 'b.ts': slow('b'), 'c.ts': slow('c'), 'd.ts': slow('d') })
    await processor.refresh()
    expect([...sink.dags.keys()].toSorted()).toEqual(['a.ts', 'b.ts', 'c.ts', 'd.ts'])
  })
})

describe('the version of a Dag file', () => {
  it('is kept by reformatting and comments, and changed by code, graph and a shared module', async () => {
    const source = "import { Dag } from 'fairlead'\nimport { n } from './shared.ts'\nexport const dag = new Dag('a')\n"
    const task = "dag.task('work', () => { return { 'n': n } })()\n"
    const { folder, sink, processor } = setUp({ 'a.ts': source + task, 'shared.ts': 'export const n = 1\n' })
    const hashAfter = async (file: string, content: string): Promise<string> => {
      folder.write(file, content)
      await processor.refresh()
      return sink.hashOf('a.ts')
    }
    await processor.refresh()
    const first = sink.hashOf('a.ts')
    const reformatted = '// A comment.\n\ndag\n  .task("work", () => {\n    // why\n    return { n: n };\n  })();\n'
    expect(await hashAfter('a.ts', `/** Doc. */\n${source}\n\n${reformatted}`)).toBe(first)
    expect(sink.calls).toEqual(['register a.ts'])
    const second = await hashAfter('a.ts', `${source}dag.task('work', () => { return { n: n + 1 } })()\n`)
    const third = await hashAfter('a.ts', `${source}dag.task('work', () => { return { n: n + 1 } }, { retries: 1 })()\n`)
    const fourth = await hashAfter('shared.ts', 'export const n = 2\n')
    expect(new Set([first, second, third, fourth]).size).toBe(4)
    expect(await hashAfter('shared.ts', 'export const n = 1\n')).toBe(third)
  })

  it('is the same wherever the Dags folder lies', async () => {
    const files = {
      'a.ts': dagFile('a', 'return [import.meta.url.length > 0, n]', "import { n } from './lib/n.ts'"),
      'lib/n.ts': 'export const n = 1',
    }
    const here = setUp(files)
    const there = setUp(files)
    await here.processor.refresh()
    await there.processor.refresh()
    expect(here.sink.hashOf('a.ts')).toMatch(/^[0-9a-f]{64}$/)
    expect(there.sink.hashOf('a.ts')).toBe(here.sink.hashOf('a.ts'))
  })
})

describe('keeping up with the folder', () => {
  it('reads nothing anew on a second start, and compiles again what has changed', async () => {
    const first = setUp({ 'a.ts': dagFile('a'), 'b.ts': dagFile('b', 'return n', "import { n } from './n.ts'"), 'n.ts': 'export const n = 1' })
    await first.processor.refresh()
    await first.processor.close()
    const before = readdirSync(first.folder.bundles).toSorted()

    const sink = new RecordingSink()
    const second = setUp({}, { folder: first.folder, sink })
    // A parse script that does not exist: whatever were parsed would fail.
    const unable = new DagProcessor({ ...optionsOf(second), parseScript: '/nonexistent.cjs' })
    cleanups.push(() => unable.close())
    expect(await unable.refresh()).toMatchObject({ files: 3, changed: 2, errors: 0 })
    expect(sink.hashOf('a.ts')).toBe(first.sink.hashOf('a.ts'))
    expect(readdirSync(first.folder.bundles).toSorted()).toEqual(before)

    first.folder.write('n.ts', 'export const n = 2')
    await second.processor.refresh()
    expect(sink.hashOf('a.ts')).toBe(first.sink.hashOf('a.ts'))
    expect(sink.hashOf('b.ts')).not.toBe(first.sink.hashOf('b.ts'))
  })

  it('forgets files that were deleted, also while nobody looked', async () => {
    const { folder, sink, processor } = setUp({ 'a.ts': dagFile('a'), 'b.ts': dagFile('b') })
    await processor.refresh()
    folder.delete('a.ts')
    await processor.refresh()
    expect(sink.calls.slice(2)).toEqual(['forget a.ts'])
    folder.delete('b.ts')
    const later = setUp({}, { folder, sink })
    await later.processor.refresh()
    expect(sink.calls.slice(3)).toEqual(['forget b.ts'])
  })

  it('lets a file have an id as soon as its owner drops it', async () => {
    const { folder, sink, processor } = setUp({ 'a.ts': dagFile('same'), 'b.ts': dagFile('same') })
    await processor.refresh()
    expect(sink.errors.get('b.ts')).toMatchObject({ code: 'DAG_DUPLICATE' })
    folder.write('a.ts', dagFile('other'))
    await processor.refresh()
    expect(sink.errors.size).toBe(0)
    expect(sink.dags.get('b.ts')?.dags[0]?.dagId).toBe('same')
  })

  it('reports a repaired file, and a file that lost its Dags', async () => {
    const { folder, sink, processor } = setUp({ 'a.ts': 'const = 1', 'b.ts': dagFile('b') })
    await processor.refresh()
    folder.write('a.ts', dagFile('a'))
    folder.write('b.ts', 'export {}')
    await processor.refresh()
    expect(sink.errors.size).toBe(0)
    expect([...sink.dags.keys()]).toEqual(['a.ts'])
  })

  it('passes by files that are no Dags', async () => {
    const { sink, processor } = setUp({
      'lib.ts': 'export const x = 1',
      'effects.js': 'process.exit(1)',
      'types.d.ts': 'export {}',
      'a.test.ts': "throw new Error('a test')",
      '.hidden/a.ts': dagFile('hidden'),
      'node_modules/x/index.js': 'throw 1',
      'old/a.ts': dagFile('old'),
      'kept/b.js': "const { Dag } = require('fairlead')\nmodule.exports = new Dag('kept')",
      '.fairleadignore': '# retired\nold/\n',
    })
    await processor.refresh()
    expect(sink.calls).toEqual(['register kept/b.js'])
  })

  it('keeps unicode ids and refuses none of 250 characters', async () => {
    const long = 'ü'.repeat(250)
    const { sink, processor } = setUp({ 'a.ts': dagFile('заказы_日本'), 'b.ts': dagFile(long), 'c.ts': dagFile(`${long}x`) })
    await processor.refresh()
    expect(sink.dags.get('a.ts')?.dags[0]?.dagId).toBe('заказы_日本')
    expect(sink.dags.get('b.ts')?.dags[0]?.dagId).toBe(long)
    expect(sink.errors.get('c.ts')).toMatchObject({ code: 'DAG_ID_INVALID' })
  })

  it('tells the sink again what the sink could not take', async () => {
    const { sink, processor } = setUp({ 'a.ts': dagFile('a') })
    const take = sink.registerDagFile.bind(sink)
    sink.registerDagFile = () => Promise.reject(new Error('database is locked'))
    await expect(processor.refresh()).rejects.toThrow('database is locked')
    sink.registerDagFile = take
    await processor.refresh()
    expect(sink.calls).toEqual(['register a.ts'])
  })

  it('loads 200 Dags of 50 tasks', async () => {
    const source = (id: number): string =>
      `import { Dag } from 'fairlead'\nconst dag = new Dag('dag_${id}')\nlet last = dag.task('t0', () => 0)()\n` +
      "for (let i = 1; i < 50; i += 1) {\n  last = dag.task('t' + i, ({ n }: { n: number }) => n + 1)({ n: last })\n}\n"
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, id) => [`d${id}.ts`, source(id)]))
    const { folder, sink, processor } = setUp(files)
    expect(await processor.refresh()).toEqual({ files: 200, read: 200, changed: 200, errors: 0 })
    expect([...sink.dags.values()].flatMap(({ dags }) => dags.flatMap((dag) => dag.tasks))).toHaveLength(10_000)
    expect(await processor.refresh()).toEqual({ files: 200, read: 0, changed: 0, errors: 0 })
    expect(existsSync(join(folder.bundles, sink.hashOf('d199.ts'), 'bundle.mjs.map'))).toBe(true)
  })
})

function optionsOf({ folder, sink }: Setup) {
  return {
    bundleName: 'dags',
    dagsFolder: folder.dags,
    bundlesFolder: folder.bundles,
    executors: ['LocalExecutor'],
    sink,
    log: { info: () => {}, warn: () => {} },
    parseScript,
    parseEnv: {},
    timeoutMs: 10_000,
    processes: 2,
  }
}
