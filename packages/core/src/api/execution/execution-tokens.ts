import { dispatchIdSchema, taskInstanceIdSchema, type DispatchId, type TaskInstanceId } from '@fairlead/protocol'
import { openSigner } from '../auth/signer.ts'

/**
 * Tokens of the Task Execution API. A launch ticket (scope `workload`) outlives any queue and is only good for `/run`,
 * which exchanges it for a short session token (scope `execution`). Both name one try and one hand-over.
 */

/** The try and the hand-over that a token speaks for. */
export interface Subject {
  readonly taskInstanceId: TaskInstanceId
  readonly dispatchId: DispatchId
}

/** What a presented token says. */
export type ExecutionVerdict =
  | {
      readonly kind: 'known' | 'expired'
      readonly subject: Subject
      readonly scope: 'workload' | 'execution'
      readonly expiresAt: number
    }
  | { readonly kind: 'invalid' }

/** Makes and reads the tokens. */
export interface ExecutionTokens {
  /** A launch ticket, for the workload that is handed to an executor. */
  createTicket(subject: Subject): Promise<string>
  /** A session token, for the worker that redeemed its ticket. */
  createSession(subject: Subject): Promise<string>
  verify(token: string): Promise<ExecutionVerdict>
  /** True when enough of a session has passed that the next answer carries a new one. */
  isDueForRenewal(expiresAt: number): boolean
}

/** What the tokens are made of. */
export interface ExecutionTokenOptions {
  readonly secret: Uint8Array
  readonly clock: { now(): number }
  readonly leewaySeconds: number
  readonly ticketSeconds: number
  readonly sessionSeconds: number
}

const AUDIENCE = 'urn:airflow.apache.org:task'
// Renewed early and often: what is left when the API goes away must last over the outage.
const RENEWAL_SHARE = 0.8

/** Opens the tokens of the Task Execution API. */
export function openExecutionTokens(options: ExecutionTokenOptions): ExecutionTokens {
  const { clock, ticketSeconds, sessionSeconds } = options
  const signer = openSigner({ ...options, audience: AUDIENCE, remembered: 2000 })
  const renewalMs = sessionSeconds * 1000 * RENEWAL_SHARE
  const claims = ({ taskInstanceId, dispatchId }: Subject, scope: string) => ({
    sub: taskInstanceId,
    dispatch_id: dispatchId,
    scope,
  })
  return {
    createTicket: (subject) => signer.sign(claims(subject, 'workload'), ticketSeconds),
    createSession: (subject) => signer.sign(claims(subject, 'execution'), sessionSeconds),
    isDueForRenewal: (expiresAt) => expiresAt - clock.now() < renewalMs,
    async verify(token) {
      const verified = await signer.verify(token)
      if (verified.kind === 'invalid') return verified
      const { sub, dispatch_id, scope } = verified.claims
      const taskInstanceId = taskInstanceIdSchema.safeParse(sub)
      const dispatchId = dispatchIdSchema.safeParse(dispatch_id)
      if (!taskInstanceId.success || !dispatchId.success) return { kind: 'invalid' }
      if (scope !== 'workload' && scope !== 'execution') return { kind: 'invalid' }
      const subject = { taskInstanceId: taskInstanceId.data, dispatchId: dispatchId.data }
      const kind = verified.kind === 'valid' ? 'known' : 'expired'
      return { kind, subject, scope, expiresAt: verified.expiresAt }
    },
  }
}
