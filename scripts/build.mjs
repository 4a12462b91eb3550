// Builds everything: `tsc -b` for the packages, esbuild for what runs as a process of its own.
// A bundle whose inputs did not change is left alone, so that a build with nothing to do costs a moment.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache/build')
const recipe = createHash('sha256')
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest('hex')
const STALE_CHUNK_MS = 60 * 60 * 1000

// Native, or looked up at run time by their own rules.
const EXTERNALS = ['esbuild', '@photostructure/sqlite', 'pg-native']
// Installed only by those who use them.
const OPTIONAL = ['@fairlead/executor-aws/*']

const requireBanner = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`
const cjs = { format: 'cjs', sourcemap: false }
const esm = { format: 'esm', sourcemap: 'linked', banner: { js: requireBanner }, outExtension: { '.js': '.mjs' } }

const bundles = [
  {
    name: 'child',
    entry: 'packages/task-runner/src/child/main.ts',
    outdir: 'packages/task-runner/dist',
    options: { ...cjs, outExtension: { '.js': '.cjs' } },
    check: refuseDependencies,
  },
  {
    name: 'parse',
    entry: 'packages/task-runner/src/parse/main.ts',
    outdir: 'packages/task-runner/dist',
    options: { ...cjs, outExtension: { '.js': '.cjs' } },
  },
  {
    name: 'worker-host',
    entry: 'packages/task-runner/src/host/main.ts',
    outdir: 'packages/task-runner/dist',
    options: { ...cjs, outExtension: { '.js': '.cjs' } },
  },
  {
    name: 'worker',
    entry: 'packages/task-runner/src/remote/main.ts',
    outdir: 'packages/task-runner/dist',
    options: { ...cjs, outExtension: { '.js': '.cjs' }, banner: { js: '#!/usr/bin/env node' } },
  },
  {
    name: 'cli',
    entry: 'packages/fairlead/src/cli/main.ts',
    outdir: 'packages/fairlead/dist',
    options: { ...esm, splitting: true, chunkNames: 'chunks/[name]-[hash]', external: [...EXTERNALS, ...OPTIONAL] },
  },
  { name: 'crash-loop', entry: 'tests/chaos/crash-loop-main.ts', outdir: 'tests/chaos/dist', options: esm },
  { name: 'chaos', entry: 'tests/chaos/postgres/chaos-main.ts', outdir: 'tests/chaos/dist', options: esm },
  { name: 'simulate', entry: 'testkit/simulation/main.ts', outdir: 'testkit/dist', options: esm },
  {
    name: 'bench',
    entry: 'bench/main.ts',
    outdir: 'bench/dist',
    options: { ...esm, external: [...EXTERNALS, 'bullmq', 'ioredis', '@aws-sdk/*', '@smithy/*'] },
  },
]

copyLicences()
const outcomes = await Promise.all([compilePackages(), ...bundles.map(bundle)])
process.exitCode = outcomes.every(Boolean) ? 0 : 1

/** npm packs only what lies in a package's own folder. */
function copyLicences() {
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const file of ['LICENSE', 'NOTICE']) copyFileSync(join(root, file), join(root, 'packages', name, file))
  }
}

/** Bundles resolve packages by source, so they need nothing of what tsc writes, and both run at once. */
function compilePackages() {
  forgetUnderNewOptions()
  const tsc = spawn(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'packages/fairlead'], {
    cwd: root,
    stdio: 'inherit',
  })
  return new Promise((resolve) => tsc.on('close', (code) => resolve(code === 0)))
}

/** tsc 7 repeats the errors it remembers when only its options changed. */
function forgetUnderNewOptions() {
  const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))
  const configs = [root, ...packages].flatMap((folder) =>
    ['tsconfig.base.json', 'tsconfig.json'].map((name) => join(folder, name)),
  )
  const options = configs
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('')
  const note = join(cache, 'tsc-options')
  if (existsSync(note) && readFileSync(note, 'utf8') === options) return
  for (const folder of packages) rmSync(join(folder, 'dist/.tsbuildinfo'), { force: true })
  mkdirSync(cache, { recursive: true })
  writeFileSync(note, options)
}

async function bundle({ name, entry, outdir, options, check }) {
  if (!existsSync(join(root, entry))) return true
  if (isFresh(name)) return true
  const esbuild = await import('esbuild')
  try {
    const result = await esbuild.build({
      absWorkingDir: root,
      entryPoints: [{ in: entry, out: name }],
      outdir,
      bundle: true,
      platform: 'node',
      target: 'node20',
      conditions: ['@fairlead/source'],
      external: EXTERNALS,
      metafile: true,
      write: false,
      logLevel: 'warning',
      ...options,
    })
    check?.(name, result.metafile)
    publish(outdir, result.outputFiles)
    remember(name, result)
    return true
  } catch (error) {
    // esbuild has printed its own errors with their places.
    if (error.errors === undefined) console.error(error.message)
    return false
  }
}

/** The child starts for every task: what it loads is paid for each time. */
function refuseDependencies(name, { inputs }) {
  const foreign = Object.keys(inputs).filter((path) => path.includes('node_modules/'))
  if (foreign.length === 0) return
  const names = new Set(foreign.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]))
  const chain = whoImports(inputs, foreign[0]).join('\n    <- ')
  throw new Error(`The bundle "${name}" must not have dependencies, and has: ${[...names].join(', ')}\n    ${chain}`)
}

function whoImports(inputs, path, seen = new Set()) {
  const importer = Object.keys(inputs).find(
    (file) => !seen.has(file) && inputs[file].imports.some((one) => one.path === path),
  )
  return importer === undefined ? [path] : [path, ...whoImports(inputs, importer, seen.add(importer))]
}

/** A process that starts during a build must find whole files: write beside and rename, and only what changed. */
function publish(outdir, files) {
  for (const { path, contents } of files) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.${process.pid}.tmp`, contents)
    renameSync(`${path}.${process.pid}.tmp`, path)
  }
  removeOldChunks(join(root, outdir, 'chunks'), new Set(files.map(({ path }) => path)))
}

/** A server that runs may still load a chunk of the build before. */
function removeOldChunks(folder, current) {
  if (![...current].some((path) => dirname(path) === folder)) return
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (!current.has(path) && Date.now() - statSync(path).mtimeMs > STALE_CHUNK_MS) rmSync(path)
  }
}

function remember(name, { metafile, outputFiles }) {
  const inputs = Object.fromEntries(Object.keys(metafile.inputs).map((path) => [path, fingerprint(join(root, path))]))
  const outputs = outputFiles.map(({ path }) => relative(root, path))
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, `${name}.json`), JSON.stringify({ recipe, inputs, outputs }))
}

function isFresh(name) {
  try {
    const known = JSON.parse(readFileSync(join(cache, `${name}.json`), 'utf8'))
    return (
      known.recipe === recipe &&
      known.outputs.every((path) => existsSync(join(root, path))) &&
      Object.entries(known.inputs).every(([path, print]) => fingerprint(join(root, path)) === print)
    )
  } catch {
    // Nothing is known of it yet, or an input is gone: build it.
    return false
  }
}

function fingerprint(path) {
  const { mtimeMs, size } = statSync(path)
  return `${mtimeMs}:${size}`
}
