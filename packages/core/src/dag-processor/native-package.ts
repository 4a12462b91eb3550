import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'

/** A package that stays out of the bundle, and where it was found. */
export interface ExternalPackage {
  readonly name: string
  readonly version: string
  /** The folder whose `node_modules` holds it. */
  readonly root: string
  readonly manifestPath: string
}

interface PackageManifest {
  readonly version?: string
  readonly gypfile?: boolean
  readonly binary?: unknown
  readonly napi?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

// What packages with native code use to find or build it.
const NATIVE_LOADERS = [
  'node-gyp-build',
  'bindings',
  'prebuild-install',
  '@mapbox/node-pre-gyp',
  'node-gyp-build-optional-packages',
]
const PLATFORM_PACKAGE = /[-/](linux|darwin|win32)[-/](x64|arm64)/

/** Answers which imports must stay outside a bundle: packages with native code, and those that the user names. */
export class NativePackages {
  readonly #named: ReadonlySet<string>
  readonly #known = new Map<string, ExternalPackage | null>()

  constructor(named: readonly string[]) {
    this.#named = new Set(named)
  }

  /** The package behind an import when it must stay outside, or null when it can be bundled. */
  find(specifier: string, resolveDir: string): ExternalPackage | null {
    if (isBuiltin(specifier)) return null
    const name = packageNameOf(specifier)
    for (let root = resolveDir; ; root = dirname(root)) {
      const folder = join(root, 'node_modules', name)
      const known = this.#known.get(folder)
      if (known !== undefined) return known
      const manifestPath = join(folder, 'package.json')
      if (existsSync(manifestPath)) return this.#remember(folder, this.#inspect(name, root, folder, manifestPath))
      if (dirname(root) === root) return null
    }
  }

  #inspect(name: string, root: string, folder: string, manifestPath: string): ExternalPackage | null {
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as PackageManifest
    const isExternal = this.#named.has(name) || hasNativeCode(folder, manifest)
    return isExternal ? { name, version: manifest.version ?? '0.0.0', root, manifestPath } : null
  }

  #remember(folder: string, found: ExternalPackage | null): ExternalPackage | null {
    this.#known.set(folder, found)
    return found
  }
}

function hasNativeCode(folder: string, manifest: PackageManifest): boolean {
  if (manifest.gypfile === true || manifest.binary !== undefined || manifest.napi !== undefined) return true
  if (NATIVE_LOADERS.some((loader) => manifest.dependencies?.[loader] !== undefined)) return true
  if (Object.keys(manifest.optionalDependencies ?? {}).some((name) => PLATFORM_PACKAGE.test(name))) return true
  return existsSync(join(folder, 'binding.gyp')) || existsSync(join(folder, 'prebuilds'))
}

function packageNameOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
