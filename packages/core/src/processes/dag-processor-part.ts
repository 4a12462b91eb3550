import { runDagProcessor } from '../dag-processor/index.ts'
import type { Environment } from '../model/environment.ts'
import type { MoveContext } from '../moves/move-context.ts'
import type { Part } from './component.ts'
import { openDagProcessorBeat } from './dag-processor-beat.ts'
import { databaseSink, gaugeDags } from './dag-sink.ts'
import type { Installation } from './installation.ts'

/** The task runner's entry that imports Dag files, and the environment it gets. */
export interface ParseProcess {
  readonly parseScript: string
  readonly parseEnv: Readonly<Record<string, string>>
}

/** A Dag processor that runs. */
export interface DagProcessorPart extends Part {
  /** Resolves when every file that was there at the start has been read. */
  readonly firstPass: Promise<void>
}

/** What a Dag processor is started with. */
export interface DagProcessorPartOptions extends ParseProcess {
  readonly moves: MoveContext
  /** Told of each pass over the Dags folder. */
  readonly onPass?: () => void
}

/** Reads the Dags folder until the signal aborts. */
export function startDagProcessor(
  installation: Installation,
  { moves, parseScript, parseEnv, onPass }: DagProcessorPartOptions,
  signal: AbortSignal,
): DagProcessorPart {
  const { config, metrics, executors } = installation
  const log = installation.log.child({ part: 'dag_processor' })
  let firstPassDone = (): void => undefined
  const firstPass = new Promise<void>((resolve) => (firstPassDone = resolve))
  const { dagProcessor } = config
  const beat = openDagProcessorBeat(installation)
  const note = async (): Promise<void> => {
    await beat()
    await gaugeDags(moves, metrics)
  }
  const finished = runDagProcessor(
    {
      bundleName: 'dags-folder',
      dagsFolder: config.paths.dagsFolder,
      bundlesFolder: config.paths.bundles,
      executors,
      sink: databaseSink(moves, {
        pauseNew: config.core.dagsArePausedAtCreation,
        maxActiveRuns: config.core.maxActiveRunsPerDag,
        maxActiveTasks: config.core.maxActiveTasksPerDag,
      }),
      log,
      parseScript,
      parseEnv,
      timeoutMs: dagProcessor.dagFileProcessorTimeout * 1000,
      processes: dagProcessor.parsingProcesses,
      refreshIntervalMs: dagProcessor.refreshInterval * 1000,
      watch: dagProcessor.watch,
      onPass: () => {
        onPass?.()
        firstPassDone()
        note().catch((error: unknown) => log.warn('a pass over the Dags could not be noted', { error }))
      },
    },
    signal,
  )
  return { firstPass, finished, close: async () => undefined }
}

const LONGEST_FIRST_PASS_MS = 10_000

/** Waits for the first Dags, so that whoever finds the server finds them too, unless they take very long or it ends. */
export async function firstDagsOr(
  finished: Promise<void>,
  firstPass: Promise<void>,
  { clock }: Environment,
): Promise<void> {
  const over = new AbortController()
  const late = clock.sleep(LONGEST_FIRST_PASS_MS, over.signal).catch(() => undefined)
  await Promise.race([firstPass, late, finished.catch(() => undefined)])
  over.abort()
}
