import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A folder of someone who installed every package from its tarball, and has nothing else of this repository. */
export interface Consumer {
  readonly folder: string
  write(file: string, text: string): void
  /** Type-checks files as strictly as we do; answers what the compiler prints. */
  typecheck(...files: string[]): Promise<string>
  remove(): void
}

/** Packs all workspaces of `root` and installs them together in an empty folder. */
export async function createConsumer(root: string): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-consumer-'))
  const tarballs = await pack(root, folder)
  const tools = ['@types/node', 'typescript'].map((name) => `${name}@${versionOf(root, name)}`)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  await npm(folder, [
    'install',
    '--prefer-offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...tarballs,
    ...tools,
  ])
  return {
    folder,
    write: (file, text) => writeFileSync(join(folder, file), text),
    typecheck: (...files) => typecheck(folder, files),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function pack(root: string, folder: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [join(root, 'scripts/pack.mjs'), folder])
  return stdout
    .trim()
    .split('\n')
    .map((tarball) => `file:${tarball}`)
}

async function npm(cwd: string, args: readonly string[]): Promise<void> {
  // A test under `npm test` inherits npm's own settings for this repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)/.test(name)))
  await run('npm', [...args, '--loglevel=error'], { cwd, env })
}

async function typecheck(folder: string, files: readonly string[]): Promise<string> {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--exactOptionalPropertyTypes']
  const tsc = join(folder, 'node_modules/typescript/bin/tsc')
  try {
    const { stdout } = await run(process.execPath, [tsc, ...options, '--types', 'node', ...files], { cwd: folder })
    return stdout
  } catch (error) {
    // The compiler exits non-zero exactly when it has something to say.
    return (error as { stdout: string }).stdout
  }
}

function versionOf(root: string, name: string): string {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return devDependencies[name]
}
