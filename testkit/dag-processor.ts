import type { DagSpec } from '@fairlead/protocol'
import { DagProcessor, type DagProcessorOptions } from '../packages/core/src/dag-processor/dag-processor.ts'
import type { DagImportError } from '../packages/core/src/dag-processor/dag-import-error.ts'
import type { DagSink } from '../packages/core/src/dag-processor/dag-sink.ts'
import { createDagsFolder, type TemporaryDagsFolder } from './dags-folder.ts'

/** A sink that remembers what it was told, as the database would. */
export class RecordingSink implements DagSink {
  readonly dags = new Map<string, { hash: string; dags: readonly DagSpec[] }>()
  readonly errors = new Map<string, DagImportError>()
  readonly calls: string[] = []

  async registerDagFile({ file, hash, dags }: { file: string; hash: string; dags: readonly DagSpec[] }): Promise<void> {
    this.calls.push(`register ${file}`)
    this.dags.set(file, { hash, dags })
    // A Dag belongs to the file that registered it last.
    const ids = new Set(dags.map((dag) => dag.dagId))
    for (const [other, held] of this.dags) {
      if (other !== file && held.dags.some((dag) => ids.has(dag.dagId))) this.dags.delete(other)
    }
    this.errors.delete(file)
  }

  async recordImportError({ file, error }: { file: string; error: DagImportError }): Promise<void> {
    this.calls.push(`error ${file}`)
    this.errors.set(file, error)
  }

  async forgetFile({ file }: { file: string }): Promise<void> {
    this.calls.push(`forget ${file}`)
    this.dags.delete(file)
    this.errors.delete(file)
  }

  async knownFiles(): Promise<string[]> {
    return [...new Set([...this.dags.keys(), ...this.errors.keys()])]
  }

  hashOf(file: string): string {
    return this.dags.get(file)?.hash ?? `nothing registered; ${JSON.stringify(this.errors.get(file))}`
  }
}

/** A Dag processor over a folder of its own. */
export interface DagProcessorSetup {
  readonly folder: TemporaryDagsFolder
  readonly sink: RecordingSink
  readonly options: DagProcessorOptions
  readonly processor: DagProcessor
  close(): Promise<void>
}

/** Sets up a Dag processor over these files, or over the folder of an earlier one. */
export function setUpDagProcessor(
  parseScript: string,
  files: Record<string, string>,
  given: Partial<DagProcessorOptions> & { folder?: TemporaryDagsFolder; sink?: RecordingSink } = {},
): DagProcessorSetup {
  const { folder = createDagsFolder(files), sink = new RecordingSink(), ...others } = given
  const options: DagProcessorOptions = {
    bundleName: 'dags',
    dagsFolder: folder.dags,
    bundlesFolder: folder.bundles,
    executors: [{ name: 'LocalExecutor', executorClass: {} }],
    sink,
    log: { info: () => {}, warn: () => {} },
    parseScript,
    parseEnv: {},
    timeoutMs: 10_000,
    processes: 2,
    ...others,
  }
  const processor = new DagProcessor(options)
  const close = async (): Promise<void> => {
    await processor.close()
    folder.remove()
  }
  return { folder, sink, options, processor, close }
}

/** A Dag file with one task, "work", whose handler has this body. */
export const dagFile = (dagId: string, body = 'return 1', head = ''): string =>
  `import { Dag } from 'fairlead'\n${head}\nconst dag = new Dag('${dagId}')\n` +
  `const work = dag.task('work', async () => {\n  ${body}\n})\nwork()\n`
