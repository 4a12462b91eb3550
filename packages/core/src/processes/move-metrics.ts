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
  const since = new Map<string, number>()
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

function count(row: AuditRow, since: Map<string, number>, metrics: Metrics): void {
  if (row.event === 'task_instance.state') countTask(row, since, metrics)
  if (row.event === 'dag_run.state') countRun(row, since, metrics)
}

const ENDS = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'up_for_retry', 'removed'])
const DURATIONS = {
  queued: 'task.scheduled_duration',
  running: 'task.queued_duration',
} as const

function countTask(row: AuditRow, since: Map<string, number>, metrics: Metrics): void {
  const to = row.to_state ?? ''
  const tags = { dag_id: row.dag_id ?? '' }
  const key = `${row.dag_id}\n${row.run_id}\n${row.task_id}\n${row.map_index}`
  const before = since.get(key)
  if (before !== undefined) timeTask(row, row.at - before, metrics)
  if (to === 'running') metrics.increment('ti.start', tags)
  if (ENDS.has(to)) metrics.increment('ti.finish', { ...tags, state: to })
  if (ENDS.has(to)) since.delete(key)
  else since.set(key, row.at)
}

/** How long it was in the state that it leaves. */
function timeTask({ from_state: from, to_state: to, dag_id: dagId }: AuditRow, ms: number, metrics: Metrics): void {
  const tags = { dag_id: dagId ?? '' }
  if (to === 'queued' || to === 'running') metrics.timing(DURATIONS[to], ms, tags)
  if (from === 'running') metrics.timing('task.duration', ms, tags)
}

function countRun(row: AuditRow, since: Map<string, number>, metrics: Metrics): void {
  const key = `${row.dag_id}\n${row.run_id}`
  const before = since.get(key)
  if (row.to_state === 'running') since.set(key, row.at)
  if (row.to_state !== 'success' && row.to_state !== 'failed') return
  since.delete(key)
  if (before === undefined) return
  metrics.timing(`dagrun.duration.${row.to_state}`, row.at - before, { dag_id: row.dag_id ?? '' })
}
