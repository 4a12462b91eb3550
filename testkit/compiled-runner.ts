import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The task runner's processes, compiled from today's sources, and a place for Dags. Remove it when the tests are over. */
export interface CompiledRunner {
  readonly childPath: string
  readonly workerHostPath: string
  readonly folder: string
  readonly bundleFolder: string
  readonly logFolder: string
  /** Stores a bundle from the body of a Dag file in which `Dag`, `getContext` and the rest of the SDK are in scope. */
  addBundle(hash: string, body: string): void
  remove(): void
}

/** Compiles the child and the worker host into a folder of their own. */
export async function compileRunner(): Promise<CompiledRunner> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-runner-'))
  const source = (path: string): string =>
    fileURLToPath(new URL(`../packages/task-runner/src/${path}`, import.meta.url))
  await build({
    entryPoints: [
      { in: source('child/main.ts'), out: 'child' },
      { in: source('host/main.ts'), out: 'worker-host' },
    ],
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    conditions: ['@fairlead/source'],
    logLevel: 'warning',
  })
  const bundleFolder = join(folder, 'bundles')
  return {
    childPath: join(folder, 'child.cjs'),
    workerHostPath: join(folder, 'worker-host.cjs'),
    folder,
    bundleFolder,
    logFolder: join(folder, 'logs'),
    addBundle(hash, body) {
      mkdirSync(join(bundleFolder, hash), { recursive: true })
      writeFileSync(join(bundleFolder, hash, 'bundle.mjs'), `${PREAMBLE}\n${body}\n`)
      writeFileSync(join(bundleFolder, hash, 'manifest.json'), JSON.stringify({ externals: {}, roots: [] }))
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const PREAMBLE = `const { Dag, getContext, getClient, FailTask, SkipTask } = globalThis[Symbol.for('fairlead.sdk')]`
