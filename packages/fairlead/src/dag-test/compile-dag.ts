import { dirname, resolve } from 'node:path'
import { describeImportError, OneFileReader, type Config } from '@fairlead/core'
import type { DagSpec } from '@fairlead/protocol'
import { childEnvironment, runnerFiles } from '@fairlead/task-runner'
import type { ConfigurationPlace } from '../load-configuration.ts'

/** A Dag in the form in which workers get it. */
export interface CompiledDag {
  readonly spec: DagSpec
  /** Its file, by its name in the Dags folder. */
  readonly file: string
  readonly hash: string
}

/** What compiling takes. */
export interface CompilingWith extends ConfigurationPlace {
  readonly config: Config
}

/** The first of some files that holds the Dag; or none, and what is wrong with those that do not load. */
export type CompileAnswer =
  | { readonly kind: 'compiled'; readonly compiled: CompiledDag }
  | { readonly kind: 'absent'; readonly problems: readonly string[] }

/** Compiles the first of these files that holds the Dag. */
export async function compileDag(
  dagId: string,
  paths: readonly string[],
  place: CompilingWith,
): Promise<CompileAnswer> {
  const problems: string[] = []
  const readers = new Map<string, OneFileReader>()
  try {
    for (const path of paths.map((given) => resolve(place.cwd, given))) {
      const reading = await readerOf(path, readers, place).read(path)
      if (reading.kind === 'failed') problems.push(describeImportError(reading.error))
      const spec = reading.kind === 'dags' ? reading.dags.find((dag) => dag.dagId === dagId) : undefined
      if (reading.kind === 'failed' || spec === undefined || reading.hash === null) continue
      return { kind: 'compiled', compiled: { spec, file: reading.file, hash: reading.hash } }
    }
    return { kind: 'absent', problems }
  } finally {
    await Promise.all([...readers.values()].map((reader) => reader.close()))
  }
}

/** A file outside the Dags folder is compiled as if its own folder were that. */
function readerOf(path: string, readers: Map<string, OneFileReader>, { config, env }: CompilingWith): OneFileReader {
  const { dagsFolder: configured, bundles } = config.paths
  const dagsFolder = path.startsWith(`${configured}/`) ? configured : dirname(path)
  const known = readers.get(dagsFolder)
  if (known !== undefined) return known
  const reader = new OneFileReader({
    dagsFolder,
    bundlesFolder: bundles,
    parseScript: runnerFiles().parsePath,
    parseEnv: definedOnly(childEnvironment({ ...env })),
    timeoutMs: config.dagProcessor.dagFileProcessorTimeout * 1000,
    onOutput: () => undefined,
  })
  readers.set(dagsFolder, reader)
  return reader
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
