import type { Database } from '../../db/database.ts'
import { findTry, type AttemptRow } from '../../db/queries/attempts.ts'
import type { Subject } from './execution-tokens.ts'
import { refusalOf } from './refusal.ts'

/** The try that a token speaks for, ended or not. Throws the refusal when another hand-over has its place. */
export async function attemptOf({ read }: Database, subject: Subject): Promise<AttemptRow> {
  const row = await findTry(read, subject.taskInstanceId)
  if (row === undefined) throw refusalOf({ kind: 'notFound' })
  if (row.dispatch_id === subject.dispatchId) return row
  throw row.isArchived
    ? refusalOf({ kind: 'archived' })
    : refusalOf({ kind: 'refused', reason: 'superseded', state: row.state })
}

/** The same try, which nobody has begun yet. Throws the refusal otherwise: its ticket is worth nothing more. */
export function refuseUnlessQueued(row: AttemptRow): AttemptRow {
  const { state, isArchived } = row
  if (isArchived) throw refusalOf({ kind: 'archived' })
  if (state === 'queued') return row
  throw refusalOf({ kind: 'refused', reason: state === 'running' ? 'ticket_used' : 'invalid_state', state })
}

/** The same try, which is waited for or runs. Throws the refusal otherwise. */
export function refuseUnlessOpen(row: AttemptRow): AttemptRow {
  const { state, isArchived } = row
  if (isArchived) throw refusalOf({ kind: 'archived' })
  if (state === 'queued' || state === 'running') return row
  throw refusalOf({ kind: 'refused', reason: 'not_running', state })
}
