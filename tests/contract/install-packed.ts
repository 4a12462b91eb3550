import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')

/** A folder outside the repository in which packed packages are installed, as an author's user has them. */
export interface PackedInstall {
  readonly folder: string
  /** Imports a package as something inside the folder would. */
  load(specifier: string): Promise<Record<string, unknown>>
  resolve(specifier: string): string
  remove(): Promise<void>
}

/**
 * Packs these workspace packages, compiles the given author's packages against the tarballs alone, packs those too, and
 * installs all of it, with more packages of this workspace on demand, into an empty folder. Works offline: what the packages depend on is packed from this checkout.
 */
export async function installPacked(
  authors: readonly string[],
  alsoPacked: readonly string[] = [],
): Promise<PackedInstall> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'fairlead-packed-')))
  await run(process.execPath, [tsc, '-b', 'packages/executor'], { cwd: root })
  const tarballs = join(folder, 'tarballs')
  await mkdir(tarballs)
  const kit = [
    ...(await packOurs(['packages/protocol', 'packages/executor'], tarballs)),
    await pack(join(root, 'node_modules/zod'), tarballs),
  ]
  const workshop = join(folder, 'workshop')
  await install(workshop, kit)
  const built = await Promise.all(authors.map((author) => build(author, workshop, tarballs)))
  const more = alsoPacked.length === 0 ? [] : await packOurs(alsoPacked, tarballs)
  const app = join(folder, 'app')
  await install(app, [...kit, ...more, ...built])
  const resolve = (specifier: string): string =>
    fileURLToPath(import.meta.resolve(specifier, pathToFileURL(join(app, 'package.json')).href))
  return {
    folder: app,
    resolve,
    load: async (specifier) => (await import(pathToFileURL(resolve(specifier)).href)) as Record<string, unknown>,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function packOurs(packages: readonly string[], into: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [join(root, 'scripts/pack.mjs'), into, ...packages])
  return stdout.trim().split('\n')
}

async function pack(source: string, into: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], {
    cwd: source,
  })
  const [packed] = JSON.parse(stdout) as Array<{ filename: string }>
  if (packed === undefined) throw new Error(`npm pack wrote nothing for ${source}`)
  return join(into, packed.filename)
}

async function build(author: string, workshop: string, tarballs: string): Promise<string> {
  const source = join(workshop, author)
  await cp(join(here, author), source, { recursive: true })
  await run(process.execPath, [tsc, '-p', source, '--typeRoots', join(root, 'node_modules/@types')])
  return await pack(source, tarballs)
}

async function install(folder: string, tarballs: readonly string[]): Promise<void> {
  await mkdir(folder)
  const dependencies: Record<string, string> = {}
  for (const tarball of tarballs) dependencies[await nameOf(tarball)] = `file:${tarball}`
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
  await run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
  })
}

async function nameOf(tarball: string): Promise<string> {
  const { stdout } = await run('tar', ['-xzOf', tarball, 'package/package.json'])
  return (JSON.parse(stdout) as { name: string }).name
}
