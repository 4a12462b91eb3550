import { mkdir, realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import { CompileCache } from './compile-cache.ts'
import { Compiler } from './compiler.ts'
import { InputStamps } from './input-stamps.ts'
import { ParsePool } from './parse-pool.ts'
import { readDagFile, type DagFileReading } from './read-dag-file.ts'
import type { DagProcessorOptions } from './dag-processor.ts'

/** Where Dag files are read from, where to, and with what. */
export interface OneFileOptions extends Pick<
  DagProcessorOptions,
  'dagsFolder' | 'bundlesFolder' | 'parseScript' | 'parseEnv' | 'timeoutMs'
> {
  readonly onOutput: (file: string, output: string) => void
}

/** Reads Dag files one by one, for who wants one of them and not the whole folder. */
export class OneFileReader {
  readonly #options: OneFileOptions
  readonly #pool: ParsePool
  readonly #compiler = new Compiler()

  constructor(options: OneFileOptions) {
    this.#options = options
    const { parseScript: script, dagsFolder: cwd, parseEnv: env, timeoutMs } = options
    this.#pool = new ParsePool({ script, cwd, env, timeoutMs, size: 1, filesPerProcess: 50, idleMs: 5_000 })
  }

  /** Compiles and imports a file of the Dags folder, and publishes its bundle. Also answers its name in the folder. */
  async read(path: string): Promise<DagFileReading & { readonly file: string }> {
    const { bundlesFolder, onOutput } = this.#options
    await mkdir(bundlesFolder, { recursive: true })
    const dagsFolder = await realpath(this.#options.dagsFolder)
    const compile = { compiler: this.#compiler, dagsFolder, bundlesFolder, assets: [], externals: [] }
    const cache = new CompileCache(bundlesFolder, { dagsFolder })
    const file = relative(dagsFolder, await realpath(path))
    const reading = await readDagFile(file, new InputStamps(), { compile, cache, pool: this.#pool, onOutput })
    return { ...reading, file }
  }

  /** Ends the processes that it started. */
  async close(): Promise<void> {
    this.#pool.close()
    await this.#compiler.rest()
  }
}
