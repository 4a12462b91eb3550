import type { DagSpec } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { appendAudit } from '../db/queries/audit.ts'
import { deactivateDags, insertDag, readDag, updateDag } from '../db/queries/dag-rows.ts'
import { readLastScheduledDate } from '../db/queries/dag-run-rows.ts'
import { findVersionOfHash, insertVersion, readNewestNumber } from '../db/queries/dag-version-rows.ts'
import { deleteImportError, upsertImportError } from '../db/queries/import-error-writes.ts'
import { nextDagRun } from '../model/timetable.ts'
import { nextRunRow } from '../db/queries/due.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'

/** What one Dag file holds, as of its newest version. */
export interface DagFile {
  readonly bundleName: string
  readonly file: string
  /** Content hash of the compiled file. */
  readonly hash: string
  readonly dags: readonly DagSpec[]
  readonly defaults: DagDefaults
}

/** What holds for a Dag that does not say it itself. */
export interface DagDefaults {
  /** Whether a Dag that is new starts paused. */
  readonly pauseNew: boolean
  readonly maxActiveRuns: number
  readonly maxActiveTasks: number
}

/** Why a Dag file could not be loaded. */
export interface DagImportError {
  readonly kind: string
  readonly message: string
  readonly line: number | null
  readonly column: number | null
  readonly stack: string | null
}

/**
 * Records the Dags of a file: new versions, next runs, and what the file no longer holds, which becomes inactive. Its
 * import error, if it had one, is gone.
 */
export function registerDagFile(context: MoveContext, file: DagFile): Promise<void> {
  return inTransaction(context, async (tx) => {
    for (const spec of file.dags) await registerDag(tx, context, file, spec)
    await deactivateDags(
      tx,
      file,
      file.dags.map((dag) => dag.dagId),
    )
    await deleteImportError(tx, file)
  })
}

/** Records that a file could not be loaded. Its Dags stay as they last were. */
export function recordImportError(
  context: MoveContext,
  input: { readonly bundleName: string; readonly file: string; readonly error: DagImportError },
): Promise<void> {
  return inTransaction(context, async (tx) => {
    const { bundleName: bundle_name, file, error } = input
    const { kind, message, line, column: column_number, stack } = error
    const at = context.environment.clock.now()
    await upsertImportError(tx, { bundle_name, file, kind, message, line, column_number, stack, at })
  })
}

/** Records that a file is gone: its Dags are inactive, their runs stay. */
export function forgetDagFile(
  context: MoveContext,
  input: { readonly bundleName: string; readonly file: string },
): Promise<void> {
  return inTransaction(context, async (tx) => {
    await deactivateDags(tx, input, [])
    await deleteImportError(tx, input)
  })
}

async function registerDag(tx: Tx, context: MoveContext, file: DagFile, spec: DagSpec): Promise<void> {
  const now = context.environment.clock.now()
  const known = await readDag(tx, spec.dagId)
  const row = {
    ...columnsOf(file, spec),
    ...(await nextRunColumns(tx, spec, { firstSeenAt: known?.first_seen_at ?? now, now })),
    version_id: await versionOf(tx, context, file, spec),
    last_parsed_at: now,
  }
  if (known !== undefined) {
    await updateDag(tx, spec.dagId, row)
    return
  }
  const is_paused = (spec.isPausedUponCreation ?? file.defaults.pauseNew) ? 1 : 0
  const fresh = { dag_id: spec.dagId, is_paused, running_runs: 0, queued_runs: 0, first_seen_at: now }
  await insertDag(tx, { ...row, ...fresh })
  await appendAudit(tx, [{ event: 'dag.created', actor: 'dag_processor', dagId: spec.dagId }], now)
}

function columnsOf(file: DagFile, spec: DagSpec) {
  return {
    bundle_name: file.bundleName,
    file: file.file,
    is_active: 1,
    description: spec.description,
    tags: JSON.stringify(spec.tags),
    schedule: JSON.stringify(spec.schedule),
    max_active_runs: spec.maxActiveRuns ?? file.defaults.maxActiveRuns,
    max_active_tasks: spec.maxActiveTasks ?? file.defaults.maxActiveTasks,
  }
}

async function nextRunColumns(tx: Tx, spec: DagSpec, at: { firstSeenAt: number; now: number }) {
  const next = nextDagRun(spec.schedule, {
    lastLogicalDate: await readLastScheduledDate(tx, spec.dagId),
    startDate: spec.startDate ?? at.firstSeenAt,
    endDate: spec.endDate,
    catchup: spec.catchup,
    now: at.now,
  })
  return nextRunRow(next)
}

async function versionOf(tx: Tx, context: MoveContext, file: DagFile, spec: DagSpec): Promise<string> {
  const text = JSON.stringify(spec)
  const known = await findVersionOfHash(tx, spec.dagId, file.hash)
  if (known !== null) return known
  const now = context.environment.clock.now()
  const id = context.environment.random.uuid(now)
  const version_number = (await readNewestNumber(tx, spec.dagId)) + 1
  const where = { bundle_name: file.bundleName, file: file.file, hash: file.hash }
  await insertVersion(tx, { id, dag_id: spec.dagId, version_number, ...where, spec: text, created_at: now })
  const detail = { version: version_number }
  await appendAudit(tx, [{ event: 'dag_version.created', actor: 'dag_processor', dagId: spec.dagId, detail }], now)
  return id
}
