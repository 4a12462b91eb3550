import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { createDagsFolder } from '../../../../testkit/dags-folder.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'
import { runDagProcessor, type DagProcessorLoopOptions } from './run-dag-processor.ts'

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

function start(files: Record<string, string>, options: Partial<DagProcessorLoopOptions> = {}) {
  const folder = createDagsFolder(files)
  const registered = new Map<string, string>()
  const errors = new Map<string, string>()
  const passes: number[] = []
  const stop = new AbortController()
  const loop = runDagProcessor(
    {
      bundleName: 'dags',
      dagsFolder: folder.dags,
      bundlesFolder: folder.bundles,
      executors: [{ name: 'LocalExecutor', executorClass: {} }],
      sink: {
        registerDagFile: async ({ file, hash }) => registered.set(file, hash),
        recordImportError: async ({ file, error }) => errors.set(file, error.message),
        forgetFile: async ({ file }) => registered.delete(file),
        knownFiles: async () => [],
      },
      log: { info: () => {}, warn: () => {} },
      parseScript,
      parseEnv: {},
      timeoutMs: 10_000,
      processes: 1,
      refreshIntervalMs: 3_600_000,
      watch: true,
      onPass: ({ files: count }) => passes.push(count),
      ...options,
    },
    stop.signal,
  )
  cleanups.push(async () => {
    stop.abort()
    await loop
    folder.remove()
  })
  return { folder, registered, errors, passes, stop, loop }
}

const dagFile = (dagId: string, n = 0): string =>
  `import { Dag } from 'fairlead'\nconst dag = new Dag('${dagId}')\ndag.task('n', () => ${n})()\n`

it('picks up new, edited and deleted files when they change', async () => {
  const { folder, registered, passes } = start({ 'a.ts': dagFile('a') })
  // The second pass comes once the watch is in place.
  await eventually(() => passes.length >= 2)
  const first = registered.get('a.ts')
  folder.write('sub/b.ts', dagFile('b'))
  await eventually(() => registered.has('sub/b.ts'))
  folder.write('a.ts', dagFile('a', 1))
  await eventually(() => registered.get('a.ts') !== first)
  folder.delete('sub/b.ts')
  await eventually(() => !registered.has('sub/b.ts'))
})

it('picks up an edit of a module outside the Dags folder', async () => {
  const { folder, registered, passes } = start({})
  mkdirSync(join(folder.root, 'lib'))
  writeFileSync(join(folder.root, 'lib/n.ts'), 'export const n = 1\n')
  folder.write('a.ts', `import { n } from '../lib/n.ts'\n${dagFile('a').replace('=> 0', '=> n')}`)
  await eventually(() => registered.has('a.ts'))
  const first = registered.get('a.ts')
  const seen = passes.length
  await eventually(() => passes.length >= seen)
  await eventually(() => {
    writeFileSync(join(folder.root, 'lib/n.ts'), 'export const n = 2\n')
    return registered.get('a.ts') !== first
  })
})

it('finds changes without a watch, by reading the folder now and then', async () => {
  const { folder, registered } = start({ 'a.ts': dagFile('a') }, { watch: false, refreshIntervalMs: 20 })
  await eventually(() => registered.has('a.ts'))
  folder.write('b.ts', dagFile('b'))
  await eventually(() => registered.has('b.ts'))
})

it('imports again, now and then, what threw for want of something in the world', async () => {
  const { folder, registered, errors } = start(
    { 'a.ts': `import { readFileSync } from 'node:fs'\nreadFileSync('wanted.txt')\n${dagFile('a')}` },
    { watch: false, refreshIntervalMs: 20 },
  )
  await eventually(() => errors.get('a.ts')?.includes('ENOENT'))
  folder.write('wanted.txt', '')
  await eventually(() => registered.has('a.ts'))
})

it('goes on when the sink fails, and stops at once in the middle of an import without reporting it', async () => {
  let isDown = true
  let refusals = 0
  const registered: string[] = []
  const errors: string[] = []
  const { folder, stop, loop } = start(
    { 'a.ts': dagFile('a') },
    {
      refreshIntervalMs: 20,
      watch: false,
      sink: {
        registerDagFile: async ({ file }) => {
          if (isDown) throw new Error(`database is locked, ${(refusals += 1)}`)
          registered.push(file)
        },
        recordImportError: async ({ file }) => errors.push(file),
        forgetFile: async () => {},
        knownFiles: async () => [],
      },
    },
  )
  await eventually(() => refusals > 0)
  isDown = false
  await eventually(() => registered.length === 1)
  folder.write(
    'b.ts',
    "import { Dag } from 'fairlead'\nimport { writeFileSync } from 'node:fs'\nwriteFileSync('begun', '')\nnew Dag('b')\nwhile (true) {}\n",
  )
  const { existsSync } = await import('node:fs')
  await eventually(() => existsSync(join(folder.dags, 'begun')))
  stop.abort()
  await loop
  expect(errors).toEqual([])
})
