import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Why a bundle's external package could not be loaded. */
export type ExternalPackageErrorCode = 'EXTERNAL_PACKAGE_MISSING' | 'EXTERNAL_PACKAGE_VERSION'

/** A package with native code is missing on this machine, or is another version than the Dag was compiled with. */
export class ExternalPackageError extends Error {
  readonly code: ExternalPackageErrorCode
  constructor(code: ExternalPackageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ExternalPackageError'
    this.code = code
  }
}

interface BundleManifest {
  readonly externals: Readonly<Record<string, string>>
  readonly roots: readonly string[]
}

/** The function that a bundle calls with a specifier and its own URL to load a package that was left out of it. */
export function createExternalResolver(cwd: string): (specifier: string, bundleUrl: string) => unknown {
  const manifests = new Map<string, BundleManifest>()
  return (specifier, bundleUrl) => {
    const folder = dirname(fileURLToPath(bundleUrl))
    const manifest = manifests.get(folder) ?? readManifest(folder)
    manifests.set(folder, manifest)
    return loadExternal(specifier, manifest, [...manifest.roots, cwd])
  }
}

function loadExternal(specifier: string, manifest: BundleManifest, roots: readonly string[]): unknown {
  const name = packageNameOf(specifier)
  const wanted = manifest.externals[name] ?? 'any version'
  const others: string[] = []
  for (const root of new Set(roots)) {
    const found = findPackage(name, root)
    if (found === null) continue
    if (found.version === wanted || wanted === 'any version') return createRequire(join(root, 'root.js'))(specifier)
    others.push(`${found.version} in ${found.folder}`)
  }
  if (others.length > 0) {
    throw new ExternalPackageError(
      'EXTERNAL_PACKAGE_VERSION',
      `The Dag was compiled with package "${name}" ${wanted}, and this machine has ${others.join(', ')}. ` +
        `Install "${name}@${wanted}", or let the Dag be compiled again with what is there.`,
    )
  }
  throw new ExternalPackageError(
    'EXTERNAL_PACKAGE_MISSING',
    `Package "${name}" ${wanted} has native code, so it is not part of the bundle, and it is not installed here. ` +
      `Looked in ${[...new Set(roots)].join(', ')}. Run: npm install ${name}@${wanted}`,
  )
}

function findPackage(name: string, root: string): { folder: string; version: string } | null {
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    const version = versionIn(candidate)
    if (version !== null) return { folder: candidate, version }
    if (dirname(folder) === folder) return null
  }
}

function versionIn(folder: string): string | null {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown }
    return typeof manifest.version === 'string' ? manifest.version : null
  } catch {
    return null // Not installed in this folder; the search goes on above it.
  }
}

function readManifest(folder: string): BundleManifest {
  const parsed = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Partial<BundleManifest>
  return { externals: parsed.externals ?? {}, roots: parsed.roots ?? [] }
}

function packageNameOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
