import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { newestAuditSeq, readAuditAfter, type AuditRow } from '../db/queries/audit-log-reads.ts'
import type { Metrics } from '../observability/index.ts'

/**
 * Counts moves from the audit log, where each committed one is exactly once, whoever made it. The work is proportional
 * to what has moved since the last look, and moves themselves carry no cost of it.
 */
export interface MoveMetrics {
  /** Counts what has moved since the last call. */
  catchUp(): Promise<void>
}

const LINES_PER_READ = 2_000

/** Begins after the newest line: counters start with the process. */
export async function openMoveMetrics(database: Database, metrics: Metrics): Promise<MoveMetrics> {
  const place = { seq: await newestAuditSeq(database.read) }
  const since = new Map<string, Standing>()
  const turn = { last: Promise.resolve() }
  const readOn = async () => {
    for (;;) {
      const rows = await readAuditAfter(database.read, place.seq, LINES_PER_READ)
      for (const row of rows) count(row, since, metrics)
      place.seq = rows.at(-1)?.seq ?? place.seq
      if (rows.length < LINES_PER_READ) return
    }
  }
  return {
    // One reader at a time: a line must not be counted by two.
    catchUp: () => (turn.last = turn.last.then(readOn, readOn)),
  }
}

function count(row: AuditRow, since: Map<string, Standing>, metrics: Metrics): void {
  if (row.event === 'task_instance.state') countTask(row, since, metrics)
  if (row.event === 'dag_run.state') countRun(row, since, metrics)
}

const ENDS = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'up_for_retry', 'removed'])
const DURATIONS = {
  queued: 'task.scheduled_duration',
  running: 'task.queued_duration',
} as const

function countTask(row: AuditRow, since: Map<string, Standing>, metrics: Metrics): void {
  const key = `${row.dag_id}\n${row.run_id}\n${row.task_id}\n${row.map_index}`
  const before = since.get(key)
  const { executor = before?.executor ?? '', cause } = detailSchema.parse(JSON.parse(row.detail ?? '{}'))
  if (before !== undefined) timeTask(row, row.at - before.at, { executor, metrics })
  if (cause !== undefined) metrics.increment('executor.failures', { executor, cause })
  countMove(row, metrics)
  if (ENDS.has(row.to_state ?? '')) since.delete(key)
  else since.set(key, { at: row.at, executor })
}

function countMove({ to_state: to, dag_id: dagId }: AuditRow, metrics: Metrics): void {
  const tags = { dag_id: dagId ?? '' }
  if (to === 'running') metrics.increment('ti.start', tags)
  if (to !== null && ENDS.has(to)) metrics.increment('ti.finish', { ...tags, state: to })
}

/** Since when a task instance, or a run, is where it is, and on which executor; empty where nobody saw it queued. */
interface Standing {
  readonly at: number
  readonly executor: string
}

const detailSchema = z.object({ executor: z.string().optional(), cause: z.string().optional() })

/** How long it was in the state that it leaves. */
function timeTask(
  { from_state: from, to_state: to, dag_id: dagId }: AuditRow,
  ms: number,
  { executor, metrics }: { executor: string; metrics: Metrics },
): void {
  const tags = { dag_id: dagId ?? '' }
  if (to === 'queued' || to === 'running') metrics.timing(DURATIONS[to], ms, tags)
  if (to === 'running') metrics.timing('executor.launch_duration', ms, { executor })
  if (from === 'running') metrics.timing('task.duration', ms, tags)
}

function countRun(row: AuditRow, since: Map<string, Standing>, metrics: Metrics): void {
  const key = `${row.dag_id}\n${row.run_id}`
  const before = since.get(key)
  if (row.to_state === 'running') since.set(key, { at: row.at, executor: '' })
  if (row.to_state !== 'success' && row.to_state !== 'failed') return
  since.delete(key)
  if (before === undefined) return
  metrics.timing(`dagrun.duration.${row.to_state}`, row.at - before.at, { dag_id: row.dag_id ?? '' })
}
