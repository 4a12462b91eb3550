import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dagFile, setUpDagProcessor, RecordingSink, type DagProcessorSetup } from '../../../../testkit/dag-processor.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'
import { DagProcessor } from './dag-processor.ts'

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
    const third = await hashAfter(
      'a.ts',
      `${source}dag.task('work', () => { return { n: n + 1 } }, { retries: 1 })()\n`,
    )
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
    const first = setUp({
      'a.ts': dagFile('a'),
      'b.ts': dagFile('b', 'return n', "import { n } from './n.ts'"),
      'n.ts': 'export const n = 1',
    })
    await first.processor.refresh()
    await first.processor.close()
    const before = readdirSync(first.folder.bundles).toSorted()

    const sink = new RecordingSink()
    const second = setUp({}, { folder: first.folder, sink })
    // A parse script that does not exist: whatever were parsed would fail.
    const unable = new DagProcessor({ ...second.options, parseScript: '/nonexistent.cjs' })
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
    const { sink, processor } = setUp({
      'a.ts': dagFile('заказы_日本'),
      'b.ts': dagFile(long),
      'c.ts': dagFile(`${long}x`),
    })
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
