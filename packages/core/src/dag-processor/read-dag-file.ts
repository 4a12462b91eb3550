import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DagSpec } from '@fairlead/protocol'
import type { CompileCache } from './compile-cache.ts'
import { compileDagFile, type CompileOptions, type StagedBundle } from './compile-dag-file.ts'
import type { DagImportError } from './dag-import-error.ts'
import { InputStamps, type InputStamp } from './input-stamps.ts'
import type { ParsePool } from './parse-pool.ts'
import { isPublished, publishBundle } from './publish-bundle.ts'

/** What a Dag file holds. `inputs` are the files it depends on; null when they are not known. */
export type DagFileReading =
  | {
      readonly kind: 'dags'
      /** Null for a file without Dags: it needs no bundle. */
      readonly hash: string | null
      readonly dags: readonly DagSpec[]
      readonly inputs: InputStamp[] | null
    }
  | { readonly kind: 'failed'; readonly error: DagImportError; readonly inputs: InputStamp[] | null }

/** What reading a Dag file takes. */
export interface DagFileReader {
  readonly compile: CompileOptions
  readonly cache: CompileCache
  readonly pool: ParsePool
  /** Told what the author's code printed while it was imported. */
  readonly onOutput: (file: string, output: string) => void
}

// An author who saves while we compile is asked again; one who never stops saving gets the last reading.
const MAX_TURNS = 3

/** Reads one Dag file: from the cache when nothing it depends on has changed, else by compiling and importing it. */
export async function readDagFile(file: string, stamps: InputStamps, reader: DagFileReader): Promise<DagFileReading> {
  const cached = await reader.cache.read(file)
  if (cached !== null && (await isUsable(cached, stamps, reader))) return { kind: 'dags', ...cached }
  reader.pool.warm()
  const reading = await readSteadily(file, stamps, reader)
  if (reading.kind === 'dags' && reading.inputs !== null) {
    await reader.cache.write(file, { hash: reading.hash, dags: [...reading.dags], inputs: reading.inputs })
  }
  return reading
}

async function readSteadily(file: string, stamps: InputStamps, reader: DagFileReader): Promise<DagFileReading> {
  for (let turn = 1; ; turn += 1) {
    const { reading, startedAtMs } = await compileAndParse(file, turn === 1 ? stamps : new InputStamps(), reader)
    const isRacy = reading.inputs?.some((input) => input.mtimeMs >= startedAtMs) ?? false
    if (!isRacy || turn === MAX_TURNS) return reading
  }
}

async function isUsable(
  cached: { hash: string | null; inputs: readonly InputStamp[] },
  stamps: InputStamps,
  { compile }: DagFileReader,
): Promise<boolean> {
  if (cached.hash !== null && !(await isPublished(join(compile.bundlesFolder, cached.hash)))) return false
  return stamps.areCurrent(cached.inputs)
}

async function compileAndParse(
  file: string,
  stamps: InputStamps,
  reader: DagFileReader,
): Promise<{ reading: DagFileReading; startedAtMs: number }> {
  const compiled = await compileDagFile(file, reader.compile)
  if (compiled.kind === 'failed') return { reading: { ...compiled, inputs: null }, startedAtMs: Infinity }
  const { bundle } = compiled
  try {
    const inputs = await stamps.take(bundle.inputs)
    return { reading: await parseAndPublish(bundle, inputs, reader), startedAtMs: bundle.startedAtMs }
  } finally {
    await rm(bundle.folder, { recursive: true, force: true })
  }
}

async function parseAndPublish(
  bundle: StagedBundle,
  inputs: InputStamp[] | null,
  { compile, pool, onOutput }: DagFileReader,
): Promise<DagFileReading> {
  const { file, folder } = bundle
  if (!bundle.usesSdk) return { kind: 'dags', hash: null, dags: [], inputs }
  const outcome = await pool.parse({ bundlePath: join(folder, 'bundle.mjs'), file, dagsFolder: compile.dagsFolder })
  if (outcome.output.trim() !== '') onOutput(file, outcome.output)
  if (outcome.kind === 'failed') return { kind: 'failed', error: outcome.error, inputs }
  if (outcome.dags.length === 0) return { kind: 'dags', hash: null, dags: [], inputs }
  const hash = await publishBundle(bundle, outcome.dags, compile.bundlesFolder)
  return { kind: 'dags', hash, dags: outcome.dags, inputs }
}
