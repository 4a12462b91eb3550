import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SOURCE_MAP_LINE } from '@fairlead/protocol'
import type { BuildFailure, BuildResult, Message } from 'esbuild'
import { findAssets } from './bundle-assets.ts'
import {
  BANNER,
  BANNER_NAMES,
  PRELUDE,
  SDK_INPUT,
  externalsPlugin,
  importMetaPlugin,
  sdkPlugin,
} from './bundle-plugins.ts'
import type { Compiler } from './compiler.ts'
import type { DagFileErrorCode, DagImportError } from './dag-import-error.ts'
import { NativePackages, type ExternalPackage } from './native-package.ts'

/** What and where to compile. */
export interface CompileOptions {
  readonly compiler: Compiler
  /** Real path of the Dags folder. */
  readonly dagsFolder: string
  /** Where bundles are kept; a staging folder is made inside. */
  readonly bundlesFolder: string
  /** Globs of files that travel with every bundle (`bundle.assets`). */
  readonly assets: readonly string[]
  /** Packages that stay outside although they have no native code (`bundle.externals`). */
  readonly externals: readonly string[]
}

/** A compiled Dag file that has no hash yet: its graph is part of the hash, and only parsing tells it. */
export interface StagedBundle {
  readonly file: string
  readonly folder: string
  /** Digest of the code without layout, comments, map and paths. */
  readonly codeDigest: string
  /** Digest of each asset by its path in the Dags folder. */
  readonly assets: Readonly<Record<string, string>>
  /** Version of each package left outside. */
  readonly externals: Readonly<Record<string, string>>
  /** Folders in which those packages were found. */
  readonly roots: readonly string[]
  /** Absolute paths of every file that went in. */
  readonly inputs: readonly string[]
  /** When compiling began, by the file system's clock: an input that is newer may not be what went in. */
  readonly startedAtMs: number
  /** False for a file that never reaches the SDK, which therefore holds no Dag and need not be imported. */
  readonly usesSdk: boolean
}

/** What became of a Dag file. */
export type CompileResult =
  | { readonly kind: 'compiled'; readonly bundle: StagedBundle }
  | { readonly kind: 'failed'; readonly error: DagImportError }

/** First characters of the name of a folder that holds an unfinished bundle. */
export const STAGING_PREFIX = '.staging-'

/** Bundles one Dag file into a staging folder that a parse child can import. */
export async function compileDagFile(file: string, options: CompileOptions): Promise<CompileResult> {
  await mkdir(options.bundlesFolder, { recursive: true })
  const folder = await mkdtemp(join(options.bundlesFolder, STAGING_PREFIX))
  try {
    const result = await compileInto(folder, file, options)
    if (result.kind === 'failed') await rm(folder, { recursive: true, force: true })
    return result
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (!isBuildFailure(error)) throw error
    return { kind: 'failed', error: buildError(file, error) }
  }
}

async function compileInto(folder: string, file: string, options: CompileOptions): Promise<CompileResult> {
  const { mtimeMs } = await stat(folder)
  const externals = new Map<string, ExternalPackage>()
  const named = new Set<string>()
  const result = await bundle(file, options, externals, named)
  const refused = result.warnings.find((warning) => isDynamicImport(warning) && !isOfPackage(warning))
  if (refused !== undefined) return { kind: 'failed', error: dynamicImportError(refused) }
  const assets = [...new Set([...named, ...(await findAssets(options.dagsFolder, options.assets))])].toSorted()
  const staged = await stage({ file, folder, startedAtMs: mtimeMs }, options, result, {
    assets,
    externals: [...externals.values()],
  })
  return { kind: 'compiled', bundle: staged }
}

async function bundle(
  file: string,
  { compiler, dagsFolder, externals: named }: CompileOptions,
  externals: Map<string, ExternalPackage>,
  assets: Set<string>,
): Promise<BuildResult> {
  return compiler.build({
    entryPoints: [join(dagsFolder, file)],
    absWorkingDir: dagsFolder,
    outfile: join(dagsFolder, 'bundle.mjs'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    keepNames: true,
    // Layout and comments are gone, so that reformatting makes no new version; names stay readable in messages.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: true,
    metafile: true,
    logLevel: 'silent',
    logOverride: { 'unsupported-dynamic-import': 'warning' },
    banner: { js: BANNER },
    define: BANNER_NAMES,
    inject: [PRELUDE],
    plugins: [sdkPlugin(), externalsPlugin(new NativePackages(named), externals), importMetaPlugin(dagsFolder, assets)],
  })
}

async function stage(
  place: Pick<StagedBundle, 'file' | 'folder' | 'startedAtMs'>,
  { dagsFolder }: CompileOptions,
  result: BuildResult,
  beside: { readonly assets: readonly string[]; readonly externals: readonly ExternalPackage[] },
): Promise<StagedBundle> {
  const { folder } = place
  const { assets, externals } = beside
  const code = outputOf(result, 'bundle.mjs')
  await writeFile(join(folder, 'bundle.mjs'), `${code}${SOURCE_MAP_LINE}`)
  await writeFile(join(folder, 'bundle.mjs.map'), absoluteSources(outputOf(result, 'bundle.mjs.map'), dagsFolder))
  const staged: StagedBundle = {
    ...place,
    codeDigest: digest(code),
    assets: await copyAssets(dagsFolder, folder, assets),
    externals: Object.fromEntries(externals.map(({ name, version }) => [name, version] as const).toSorted(byName)),
    roots: [...new Set(externals.map(({ root }) => root))].toSorted(),
    inputs: inputsOf(result, dagsFolder, assets, externals),
    usesSdk: await reachesSdk(join(dagsFolder, place.file), result),
  }
  await writeManifest(staged)
  return staged
}

async function writeManifest({ folder, file, externals, roots, assets }: StagedBundle): Promise<void> {
  const manifest = { formatVersion: 1, entry: 'bundle.mjs', file, externals, roots, assets }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

async function copyAssets(
  dagsFolder: string,
  folder: string,
  assets: readonly string[],
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const asset of assets) {
    await mkdir(dirname(join(folder, asset)), { recursive: true })
    await copyFile(join(dagsFolder, asset), join(folder, asset))
    digests[asset] = digest(await readFile(join(folder, asset)))
  }
  return digests
}

// An import that the author does not use yet is left out by the compiler; it still says that this is a Dag file.
async function reachesSdk(path: string, result: BuildResult): Promise<boolean> {
  if (Object.hasOwn(result.metafile?.inputs ?? {}, SDK_INPUT)) return true
  return /['"](fairlead|@fairlead\/sdk)['"]/.test(await readFile(path, 'utf8'))
}

function inputsOf(
  result: BuildResult,
  dagsFolder: string,
  assets: readonly string[],
  externals: readonly ExternalPackage[],
): string[] {
  const sources = Object.keys(result.metafile?.inputs ?? {}).filter((path) => !path.startsWith('fairlead-'))
  const files = [...sources, ...assets].map((path) => resolve(dagsFolder, path))
  return [...new Set([...files, ...externals.map(({ manifestPath }) => manifestPath)])]
}

// Absolute sources put stack traces on files that an editor can open, wherever the bundle lies.
function absoluteSources(map: string, dagsFolder: string): string {
  const parsed = JSON.parse(map) as { sources: string[] }
  const sources = parsed.sources.map((source) =>
    source.startsWith('fairlead-') ? source : pathToFileURL(resolve(dagsFolder, source)).href,
  )
  return JSON.stringify({ ...parsed, sources })
}

function outputOf(result: BuildResult, name: string): string {
  const output = result.outputFiles?.find((file) => file.path.endsWith(`/${name}`))
  if (output === undefined) throw new Error(`esbuild wrote no ${name}.`)
  return output.text
}

function buildError(file: string, failure: BuildFailure): DagImportError {
  const [first] = failure.errors
  const more = failure.errors.length > 1 ? ` (and ${failure.errors.length - 1} more)` : ''
  return compileError('DAG_COMPILE_FAILED', `${first?.text ?? failure.message}${more}`, first, file)
}

function dynamicImportError(warning: Message): DagImportError {
  const message =
    'import() needs a literal path, because the file travels as one bundle. ' +
    'Write the path as text, or import the candidates and choose among them.'
  return compileError('DAG_DYNAMIC_IMPORT', message, warning, null)
}

function compileError(
  code: DagFileErrorCode,
  message: string,
  at: Message | undefined,
  file: string | null,
): DagImportError {
  const { location = null } = at ?? {}
  return {
    kind: 'compile',
    code,
    message,
    file: location?.file ?? file,
    line: location?.line ?? null,
    column: location === null ? null : location.column + 1,
    stack: null,
  }
}

function isDynamicImport(warning: Message): boolean {
  return warning.id === 'unsupported-dynamic-import'
}

function isOfPackage(warning: Message): boolean {
  return warning.location?.file.includes('node_modules/') === true
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as { errors?: unknown }).errors)
}

function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1
}
