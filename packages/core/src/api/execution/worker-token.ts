import type { FastifyRequest } from 'fastify'
import { bearerOf } from '../authenticate.ts'
import type { ApiContext } from '../api-context.ts'
import type { ExecutionVerdict, Subject } from './execution-tokens.ts'
import { Refusal } from './refusal.ts'

/** A worker that was let in: the attempt it speaks for. */
export interface Worker {
  readonly subject: Subject
  readonly expiresAt: number
}

type Scope = Extract<ExecutionVerdict, { kind: 'known' }>['scope']

/** The worker behind a request, whose token must have the wanted scope. Throws the refusal otherwise. */
export async function workerOf(
  request: FastifyRequest,
  { executionTokens }: ApiContext,
  scope: Scope,
): Promise<Worker> {
  const token = bearerOf(request)
  if (token === null) throw new Refusal(401, 'missing_token', 'This route needs the token of a task.')
  const verdict = await executionTokens.verify(token)
  if (verdict.kind === 'expired') throw new Refusal(403, 'expired_token', 'The token has expired.')
  if (verdict.kind === 'invalid') throw new Refusal(403, 'invalid_token', 'The token is none of a task of this server.')
  if (verdict.scope !== scope) {
    const wanted = scope === 'workload' ? 'a launch ticket' : 'a session token'
    throw new Refusal(403, 'wrong_scope', `This route takes ${wanted}.`)
  }
  return { subject: verdict.subject, expiresAt: verdict.expiresAt }
}

/** The same, for a route that names the task instance in its path. */
export async function workerOfPath(
  request: FastifyRequest,
  context: ApiContext,
  wanted: { readonly id: string; readonly scope: Scope },
): Promise<Worker> {
  const worker = await workerOf(request, context, wanted.scope)
  if (worker.subject.taskInstanceId !== wanted.id) {
    throw new Refusal(403, 'wrong_task_instance', 'The token speaks for another task instance.')
  }
  return worker
}
