import { mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CompileCache } from './compile-cache.ts'
import { STAGING_PREFIX } from './compile-dag-file.ts'
import { Compiler } from './compiler.ts'
import { describeImportError, type DagImportError } from './dag-import-error.ts'
import { DagOwnership } from './dag-ownership.ts'
import type { DagSink } from './dag-sink.ts'
import type { ExecutorFacts } from './executor-facts.ts'
import { InputStamps } from './input-stamps.ts'
import { ParsePool } from './parse-pool.ts'
import { readDagFile, type DagFileReader, type DagFileReading } from './read-dag-file.ts'
import { scanDagsFolder } from './scan-dags-folder.ts'
import { duplicateDagError, duplicateInFile, validateDag } from './validate-dag.ts'

/** What the processor writes to. */
export interface DagProcessorLog {
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
}

/** What the processor reads, and with what. */
export interface DagProcessorOptions {
  readonly bundleName: string
  readonly dagsFolder: string
  readonly bundlesFolder: string
  /** The configured executors; the first is the default. */
  readonly executors: readonly ExecutorFacts[]
  readonly sink: DagSink
  readonly log: DagProcessorLog
  /** The task runner's parse entry (`dist/parse.cjs`). */
  readonly parseScript: string
  /** The whole environment of parse children. */
  readonly parseEnv: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Dag files imported at once. */
  readonly processes: number
  readonly assets?: readonly string[]
  readonly externals?: readonly string[]
}

/** What one pass over the Dags folder came to. */
export interface DagPass {
  readonly files: number
  /** Files that were read anew, from the cache or by compiling. */
  readonly read: number
  /** Files whose reading differs from what was reported before. */
  readonly changed: number
  readonly errors: number
}

/** What is known of one file, and what the sink was last told of it. */
interface KnownFile {
  reading: DagFileReading
  reported: string | null
}

type Verdict =
  | { readonly kind: 'register'; readonly hash: string; readonly reading: DagFileReading & { kind: 'dags' } }
  | { readonly kind: 'refuse'; readonly error: DagImportError }
  | { readonly kind: 'forget' }

const FILES_PER_PROCESS = 50
const IDLE_MS = 5_000

/**
 * Turns the files of a Dags folder into bundles and reports their Dags.
 * Invariant 1: one bad file costs only itself. Invariant 2: a file is read again only when something it is made of has
 * changed, and reported only when its reading has.
 */
export class DagProcessor {
  readonly #options: DagProcessorOptions
  readonly #pool: ParsePool
  readonly #known = new Map<string, KnownFile>()
  readonly #ownership = new DagOwnership()
  /** A reading never changes, and neither do the executors while this process lives. */
  readonly #problems = new WeakMap<DagFileReading, DagImportError | null>()
  readonly #compiler = new Compiler()
  #reader: DagFileReader | null = null
  #pass = 0
  #isClosed = false
  #compilerTimer: NodeJS.Timeout | undefined

  constructor(options: DagProcessorOptions) {
    this.#options = options
    this.#pool = new ParsePool({
      script: options.parseScript,
      cwd: options.dagsFolder,
      env: options.parseEnv,
      timeoutMs: options.timeoutMs,
      size: options.processes,
      filesPerProcess: FILES_PER_PROCESS,
      idleMs: IDLE_MS,
    })
  }

  /** Files outside the Dags folder that its Dags are made of, packages left aside; a change to one is a change too. */
  outsideInputs(): string[] {
    const folder = this.#reader?.compile.dagsFolder ?? this.#options.dagsFolder
    const inputs = [...this.#known.values()].flatMap(({ reading }) => reading.inputs ?? [])
    const outside = inputs.filter(({ path }) => !path.startsWith(`${folder}/`) && !path.includes('/node_modules/'))
    return [...new Set(outside.map(({ path }) => path))]
  }

  /**
   * Reads what has changed since the last pass and reports it. Passes must not overlap. `retryFailed` also reads files
   * whose own code threw, which may have wanted something of the world that is there now.
   */
  async refresh({ retryFailed = false }: { retryFailed?: boolean } = {}): Promise<DagPass> {
    const { bundleName, sink } = this.#options
    const reader = (this.#reader ??= await this.#open())
    this.#pass += 1
    const stamps = new InputStamps()
    const files = await scanDagsFolder(reader.compile.dagsFolder)
    const recorded = this.#pass === 1 ? await sink.knownFiles(bundleName) : []
    for (const file of recorded) this.#known.set(file, this.#known.get(file) ?? UNREAD())
    await this.#forgetGone(files)
    const counts = { read: 0, changed: 0 }
    await inParallel(files, this.#options.processes + 1, async (file) => {
      if (await this.#readIfChanged(file, stamps, reader, retryFailed)) counts.read += 1
      if (await this.#report(file)) counts.changed += 1
    })
    // An id that one file dropped in this pass may be another's.
    for (const file of files) if (await this.#report(file)) counts.changed += 1
    if (counts.read > 0) this.#restCompilerLater()
    const errors = [...this.#known.values()].filter(({ reported }) => reported?.startsWith('refuse') === true)
    return { files: files.length, ...counts, errors: errors.length }
  }

  /** Ends the children; a pass in progress reports nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#compilerTimer)
    this.#pool.close()
    await this.#compiler.rest()
  }

  async #open(): Promise<DagFileReader> {
    const { bundlesFolder, assets = [], externals = [], log } = this.#options
    await mkdir(this.#options.dagsFolder, { recursive: true })
    await mkdir(bundlesFolder, { recursive: true })
    await removeUnfinished(bundlesFolder)
    const dagsFolder = await realpath(this.#options.dagsFolder)
    const compile = { compiler: this.#compiler, dagsFolder, bundlesFolder, assets, externals }
    const cache = new CompileCache(bundlesFolder, { dagsFolder, assets, externals })
    const onOutput = (file: string, output: string): void =>
      log.info('dag file printed while importing', { file, output })
    return { compile, cache, pool: this.#pool, onOutput }
  }

  async #readIfChanged(
    file: string,
    stamps: InputStamps,
    reader: DagFileReader,
    retryFailed: boolean,
  ): Promise<boolean> {
    const known = this.#known.get(file)
    if (this.#isClosed) return false
    const isSettled = known !== undefined && !(retryFailed && mayRecover(known.reading))
    if (isSettled && known.reading.inputs !== null && (await stamps.areCurrent(known.reading.inputs))) return false
    const reading = await readDagFile(file, stamps, reader)
    this.#known.set(file, { reading, reported: known?.reported ?? null })
    return true
  }

  async #forgetGone(files: readonly string[]): Promise<void> {
    const { bundleName, sink } = this.#options
    const present = new Set(files)
    for (const file of [...this.#known.keys()].filter((name) => !present.has(name))) {
      await sink.forgetFile({ bundleName, file })
      this.#known.delete(file)
      this.#ownership.release(file)
      await this.#reader?.cache.forget(file)
    }
  }

  async #report(file: string): Promise<boolean> {
    const known = this.#known.get(file)
    if (known === undefined || this.#isClosed) return false
    const verdict = this.#judge(file, known.reading, await this.#problemOf(file, known.reading))
    const signature = `${verdict.kind} ${JSON.stringify(verdict.kind === 'refuse' ? verdict.error : verdictHash(verdict))}`
    if (known.reported === signature || (known.reported === null && verdict.kind === 'forget')) return false
    await this.#tell(file, verdict)
    known.reported = signature
    return true
  }

  /** What is wrong with the Dags of a file, beside that another file may have them too. */
  async #problemOf(file: string, reading: DagFileReading): Promise<DagImportError | null> {
    const known = this.#problems.get(reading)
    if (known !== undefined) return known
    const { executors, bundleName } = this.#options
    const dags = reading.kind === 'dags' ? reading.dags : []
    let problem = duplicateInFile(dags)
    for (const dag of dags) problem ??= await validateDag(dag, { executors, bundle: { bundleName, file } })
    this.#problems.set(reading, problem)
    return problem
  }

  #judge(file: string, reading: DagFileReading, invalid: DagImportError | null): Verdict {
    // A file that cannot be imported keeps the ids it had: its Dags stay as they were last read.
    if (reading.kind === 'failed') return { kind: 'refuse', error: reading.error }
    const { hash, dags } = reading
    if (invalid !== null) return { kind: 'refuse', error: invalid }
    const dagIds = dags.map((dag) => dag.dagId)
    const conflict = this.#ownership.owns(file, dagIds) ? null : this.#ownership.claim(file, dagIds, this.#pass)
    const duplicate = dags.find((dag) => dag.dagId === conflict?.dagId)
    if (conflict !== null && duplicate !== undefined) {
      return { kind: 'refuse', error: duplicateDagError(duplicate, conflict.owner) }
    }
    this.#ownership.release(file, dagIds)
    return hash === null ? { kind: 'forget' } : { kind: 'register', hash, reading }
  }

  async #tell(file: string, verdict: Verdict): Promise<void> {
    const { bundleName, sink, log } = this.#options
    switch (verdict.kind) {
      case 'register':
        await sink.registerDagFile({ bundleName, file, hash: verdict.hash, dags: verdict.reading.dags })
        return
      case 'refuse':
        log.warn('dag file could not be imported', { file, error: describeImportError(verdict.error) })
        await sink.recordImportError({
          bundleName,
          file,
          error: { ...verdict.error, file: verdict.error.file ?? file },
        })
        return
      case 'forget':
        await sink.forgetFile({ bundleName, file })
        return
      default:
        verdict satisfies never
    }
  }

  // The compiler's process holds memory that a server without edits has no use for.
  #restCompilerLater(): void {
    clearTimeout(this.#compilerTimer)
    this.#compilerTimer = setTimeout(() => void this.#compiler.rest(), IDLE_MS)
    this.#compilerTimer.unref()
  }
}

// On record from an earlier process: whatever is read now must be reported.
const UNREAD = (): KnownFile => ({
  reading: { kind: 'dags', hash: null, dags: [], inputs: null },
  reported: 'recorded',
})

function mayRecover(reading: DagFileReading): boolean {
  return reading.kind === 'failed' && reading.error.kind === 'threw'
}

function verdictHash(verdict: Verdict): string | null {
  return verdict.kind === 'register' ? verdict.hash : null
}

async function removeUnfinished(bundlesFolder: string): Promise<void> {
  const left = (await readdir(bundlesFolder)).filter((name) => name.startsWith(STAGING_PREFIX))
  await Promise.all(left.map((name) => rm(join(bundlesFolder, name), { recursive: true, force: true })))
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}
