import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dagFile, setUpDagProcessor, type DagProcessorSetup } from '../../../../testkit/dag-processor.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'
import type { DagImportError } from './dag-import-error.ts'

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
      {
        'bad.ts': two("import './lib/deep.ts'\nnew Dag('bad')"),
        'lib/deep.ts': "\n\nthrow new Error('deep')\nexport {}",
      },
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
      {
        code: 'EXECUTOR_NOT_FOUND',
        line: 4,
        message: expect.stringMatching(/"ecs".*"LocalExecutor".*"load".*"bad"/) as string,
      },
    ],
    [
      'a cron expression that means nothing',
      { 'bad.ts': two("\nnew Dag('bad', { schedule: 'every day' })") },
      { code: 'DAG_SCHEDULE_INVALID', line: 3 },
    ],
    ['an id with a slash', { 'bad.ts': two("new Dag('a/b')") }, { code: 'DAG_ID_INVALID', line: 2 }],
    ['a call of process.exit', { 'bad.ts': two('process.exit(0)\nnew Dag("x")') }, { kind: 'threw', line: 2 }],
    [
      'a crash of the whole process',
      { 'bad.ts': two('process.abort()\nnew Dag("x")') },
      { kind: 'exited', file: 'bad.ts' },
    ],
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
    const loop = two(
      "let n = 0\nfunction spin(): void {\n  while (n >= 0) {\n    n += 1\n  }\n}\nnew Dag('bad')\nspin()",
    )
    const { processor, sink } = setUp({ 'bad.ts': loop, 'good.ts': dagFile('good') }, { timeoutMs: 800 })
    await processor.refresh()
    const error = sink.errors.get('bad.ts')
    expect(error).toMatchObject({ kind: 'timeout', code: 'DAG_IMPORT_TIMEOUT', file: 'bad.ts' })
    expect([4, 5, 6]).toContain(error?.line)
    expect(sink.dags.has('good.ts')).toBe(true)
  })

  it('a top-level await that never ends', async () => {
    const { processor, sink } = setUp(
      { 'bad.ts': two("new Dag('bad')\nawait new Promise(() => {})") },
      { timeoutMs: 300 },
    )
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
