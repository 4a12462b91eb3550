import { readFile } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import type { Loader, Plugin } from 'esbuild'
import { assetsNamedIn } from './bundle-assets.ts'
import type { ExternalPackage, NativePackages } from './native-package.ts'

/** esbuild path of the module that keeps the author's own `require` apart from the banner's. */
export const PRELUDE = 'fairlead:prelude'

/** The SDK's name among a bundle's inputs. */
export const SDK_INPUT = 'fairlead-sdk:sdk'

/** First line of every bundle: what CommonJS code and `import.meta` of several source files need in one ES module. */
export const BANNER = [
  'import{createRequire as __fairleadRequire}from"node:module"',
  'import{dirname as __fairleadDirname}from"node:path"',
  'import{fileURLToPath as __fairleadPath}from"node:url"',
  'const __fairleadUrl=import.meta.url,require=__fairleadRequire(__fairleadUrl)',
  'const __fairleadFile=__fairleadPath(__fairleadUrl),__fairleadFolder=__fairleadDirname(__fairleadFile)',
  'const __fairleadMeta=(path)=>{const url=new URL(path,__fairleadUrl).href,filename=__fairleadPath(url);' +
    'return{url,filename,dirname:__fairleadDirname(filename),resolve:import.meta.resolve}};',
].join(';')

/** The banner's names for what CommonJS modules call `__dirname` and `__filename`; an author's own are left alone. */
export const BANNER_NAMES = { __dirname: '__fairleadFolder', __filename: '__fairleadFile' }

const SDK_MODULE =
  'const sdk=globalThis[Symbol.for("fairlead.sdk")];' +
  'if(!sdk)throw new Error("A Fairlead bundle runs only under a Fairlead runner.");module.exports=sdk'

/** Resolves the SDK to what the runner installs, so that a bundle runs from an empty folder with any runner. */
export function sdkPlugin(): Plugin {
  return {
    name: 'fairlead-sdk',
    setup(build) {
      build.onResolve({ filter: /^fairlead:prelude$/ }, () => ({ path: 'prelude', namespace: 'fairlead-prelude' }))
      // Naming `require` reserves it: esbuild then renames an author's own, which would clash with the banner's.
      build.onLoad({ filter: /.*/, namespace: 'fairlead-prelude' }, () => ({ contents: 'typeof require' }))
      build.onResolve({ filter: /^(fairlead|@fairlead\/sdk)$/ }, () => ({ path: 'sdk', namespace: 'fairlead-sdk' }))
      build.onLoad({ filter: /.*/, namespace: 'fairlead-sdk' }, () => ({ contents: SDK_MODULE }))
    },
  }
}

/** Leaves packages with native code outside, to be loaded by the runner; notes each in `externals`. */
export function externalsPlugin(packages: NativePackages, externals: Map<string, ExternalPackage>): Plugin {
  return {
    name: 'fairlead-externals',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, resolveDir, namespace }) => {
        const external = namespace === 'file' ? packages.find(path, resolveDir) : null
        if (external === null) return undefined
        externals.set(external.name, external)
        return { path, namespace: 'fairlead-external' }
      })
      build.onLoad({ filter: /.*/, namespace: 'fairlead-external' }, ({ path }) => ({
        contents: `module.exports=globalThis[Symbol.for("fairlead.require")](${JSON.stringify(path)},__fairleadUrl)`,
      }))
      build.onLoad({ filter: /\.node$/ }, ({ path }) => ({
        errors: [{ text: `Native code cannot be bundled: ${path}. Add its package to bundle.externals.` }],
      }))
    },
  }
}

/** Keeps `import.meta` of each source file true to its path in the Dags folder; notes the assets it names. */
export function importMetaPlugin(dagsFolder: string, assets: Set<string>): Plugin {
  const filter = new RegExp(`^${escapeRegExp(dagsFolder + sep)}.*\\.[cm]?[jt]sx?$`)
  return {
    name: 'fairlead-import-meta',
    setup(build) {
      build.onLoad({ filter, namespace: 'file' }, async ({ path }) => {
        const file = relative(dagsFolder, path)
        if (file.includes('node_modules') || isAbsolute(file)) return undefined
        const source = await readFile(path, 'utf8')
        if (!source.includes('import.meta')) return undefined
        for (const asset of assetsNamedIn(source, path, dagsFolder)) assets.add(asset)
        return { contents: withOwnImportMeta(source, file), loader: loaderOf(path) }
      })
    },
  }
}

// `$importMeta` is as long as `import.meta`, so that columns stay true on every line but the first.
function withOwnImportMeta(source: string, file: string): string {
  const url = file.split(sep).map(encodeURIComponent).join('/')
  const declaration = `const $importMeta=__fairleadMeta(${JSON.stringify(url)});`
  const shebang = /^#!.*\n/.exec(source)?.[0] ?? ''
  return shebang + declaration + source.slice(shebang.length).replaceAll(/\bimport\.meta\b/g, '$importMeta')
}

function loaderOf(path: string): Loader {
  if (/\.[cm]?ts$/.test(path)) return 'ts'
  if (path.endsWith('.tsx')) return 'tsx'
  return path.endsWith('.jsx') ? 'jsx' : 'js'
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
