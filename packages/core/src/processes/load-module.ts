import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { dirname, extname, isAbsolute, join, resolve } from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** Where modules named in configuration are looked for, and where compiled ones are put for a moment. */
export interface ModulePlace {
  readonly cwd: string
  readonly cacheFolder: string
}

/** The module of that name: a path from the working folder, or a package. TypeScript is compiled first. */
export async function loadModule(name: string, place: ModulePlace): Promise<Record<string, unknown>> {
  const path = pathOf(name, place.cwd)
  if (/^\.[cm]?tsx?$/.test(extname(path))) return importCompiled(path, place)
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>
}

function pathOf(name: string, cwd: string): string {
  if (name.startsWith('.') || isAbsolute(name)) return resolve(cwd, name)
  return createRequire(join(cwd, 'package.json')).resolve(name)
}

/**
 * Node 20 strips no types. The compiled module is put beside its packages' folder, so that what it imports resolves as
 * it does for its source.
 */
async function importCompiled(path: string, { cacheFolder }: ModulePlace): Promise<Record<string, unknown>> {
  const { build } = await import('esbuild')
  const result = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    keepNames: true,
    logLevel: 'silent',
    banner: { js: BANNER },
    plugins: [absolutePackages(path)],
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(path).href) },
  })
  const [output] = result.outputFiles
  if (output === undefined) throw new Error(`"${path}" compiled to nothing.`)
  await mkdir(cacheFolder, { recursive: true })
  const file = join(
    cacheFolder,
    `${createHash('sha256').update(output.contents).digest('hex').slice(0, 16)}.${process.pid}.mjs`,
  )
  await writeFile(file, output.contents)
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } finally {
    await rm(file, { force: true })
  }
}

const BANNER = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`

/** Packages are resolved from the source's own folder, since the compiled file lies elsewhere. */
function absolutePackages(path: string): import('esbuild').Plugin {
  const folder = dirname(path)
  return {
    name: 'absolute-packages',
    setup(setup) {
      setup.onResolve({ filter: /^[^./]/ }, ({ path: name, resolveDir }) => {
        if (name.startsWith('node:')) return { path: name, external: true }
        const found = resolvePackage(name, resolveDir === '' ? folder : resolveDir)
        return found === null ? null : { path: found, external: true }
      })
    },
  }
}

function resolvePackage(name: string, folder: string): string | null {
  try {
    const found = createRequire(join(folder, 'x.js')).resolve(name)
    return isAbsolute(found) ? pathToFileURL(found).href : null
  } catch {
    // Packages without an entry for require, and misspelt ones, are left to the import, whose error names them.
    return null
  }
}
