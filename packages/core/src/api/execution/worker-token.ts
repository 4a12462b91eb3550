import type { FastifyRequest } from 'fastify'
import { findAttempt } from '../../db/queries/xcom-writes.ts'
import { bearerOf } from '../authenticate.ts'
import type { WorkerApiContext } from '../api-context.ts'
import type { ExecutionVerdict, Subject } from './execution-tokens.ts'
import type { Tx } from '../../db/database.ts'
import { Refusal, refusalOf } from './refusal.ts'

/** A worker that was let in: the attempt it speaks for. */
export interface Worker {
  readonly subject: Subject
  readonly scope: Scope
  readonly expiresAt: number
}

type Scope = Exclude<ExecutionVerdict, { kind: 'invalid' }>['scope']

/** Looks at the attempt of a token that has expired, and throws the refusal unless it is good all the same. */
type Reprieve = (context: WorkerApiContext, subject: Subject, scope: Scope) => Promise<void>

/**
 * The worker behind a request, whose token must have the wanted scope. Throws the refusal otherwise. A session that ran
 * out while the API was away, or over a sleep or a stepped clock, is good as long as its attempt is the current one:
 * the row is the authority, not the date.
 */
export async function workerOf(
  request: FastifyRequest,
  context: WorkerApiContext,
  scope: Scope | 'any',
  reprieve: Reprieve = refuseUnlessCurrent,
): Promise<Worker> {
  const token = bearerOf(request)
  if (token === null) throw new Refusal(401, 'missing_token', 'This route needs the token of a task.')
  const verdict = await context.executionTokens.verify(token)
  if (verdict.kind === 'invalid') throw new Refusal(403, 'invalid_token', 'The token is none of a task of this server.')
  if (scope !== 'any' && verdict.scope !== scope) {
    const wanted = scope === 'workload' ? 'a launch ticket' : 'a session token'
    throw new Refusal(403, 'wrong_scope', `This route takes ${wanted}.`)
  }
  if (verdict.kind === 'expired') await reprieve(context, verdict.subject, verdict.scope)
  return { subject: verdict.subject, scope: verdict.scope, expiresAt: verdict.expiresAt }
}

const refuseUnlessCurrent: Reprieve = async ({ moves }, subject, scope) => {
  if (scope === 'workload') throw new Refusal(403, 'expired_token', 'The launch ticket has expired.')
  await moves.database.transaction((tx) => currentAttempt(tx, subject))
}

/** The row of an attempt that is running under this dispatch. Throws the refusal otherwise. */
export async function currentAttempt(tx: Tx, subject: Subject) {
  const row = await findAttempt(tx, subject.taskInstanceId)
  if (row === undefined) throw refusalOf({ kind: 'archived' })
  const { state } = row
  if (row.dispatch_id !== subject.dispatchId) throw refusalOf({ kind: 'refused', reason: 'superseded', state })
  if (state !== 'running') throw refusalOf({ kind: 'refused', reason: 'not_running', state })
  return row
}

/** The same, for a route that names the task instance in its path. */
export async function workerOfPath(
  request: FastifyRequest,
  context: WorkerApiContext,
  wanted: { readonly id: string; readonly scope: Scope; readonly reprieve?: Reprieve },
): Promise<Worker> {
  const worker = await workerOf(request, context, wanted.scope, wanted.reprieve)
  if (worker.subject.taskInstanceId !== wanted.id) {
    throw new Refusal(403, 'wrong_task_instance', 'The token speaks for another task instance.')
  }
  return worker
}
