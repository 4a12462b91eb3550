import type { DagSink } from '../dag-processor/index.ts'
import { countDags, listDagFiles } from '../db/queries/dag-reads.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { forgetDagFile, recordImportError, registerDagFile, type DagDefaults } from '../moves/register-dag-file.ts'
import type { Metrics } from '../observability/index.ts'

/** Writes what the Dag processor reads into the database. */
export function databaseSink(moves: MoveContext, defaults: DagDefaults): DagSink {
  return {
    registerDagFile: (file) => registerDagFile(moves, { ...file, defaults }),
    recordImportError: (file) => recordImportError(moves, file),
    forgetFile: (file) => forgetDagFile(moves, file),
    knownFiles: (bundleName) => listDagFiles(moves.database.read, bundleName),
  }
}

/** Says how many Dags there are and how many files do not load. */
export async function gaugeDags(moves: MoveContext, metrics: Metrics): Promise<void> {
  const { active, failing } = await countDags(moves.database.read)
  metrics.gauge('dagbag_size', active)
  metrics.gauge('dag_processing.import_errors', failing)
}
