import type { RefusalReason, TaskInstanceState } from '@fairlead/protocol'

/** Reasons that concern the token or what was asked for rather than the state of the task instance. */
export type TokenReason =
  | 'missing_token'
  | 'expired_token'
  | 'invalid_token'
  | 'wrong_scope'
  | 'wrong_task_instance'
  | 'wrong_dispatch'
  | 'wrong_bundle'
  | 'log_gap'
  | 'log_full'
  | 'invalid_body'
  | 'not_found'
  | 'unreadable'

/** What a refusal says beside its reason. */
interface RefusalFacts {
  readonly previousState?: TaskInstanceState
  readonly size?: number
}

/** A worker's call that is refused, in Airflow's shape: `{detail: {reason, message, previous_state}}`. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly reason: RefusalReason | TokenReason
  readonly previousState: TaskInstanceState | undefined
  /** How much of a log there is, for a refusal that a worker can make up for. */
  readonly size: number | undefined

  constructor(
    status: number,
    reason: RefusalReason | TokenReason,
    message: string,
    { previousState, size }: RefusalFacts = {},
  ) {
    super(message)
    this.status = status
    this.reason = reason
    this.previousState = previousState
    this.size = size
  }

  /** The body of the answer. */
  get body(): { detail: { reason: string; message: string; previous_state?: string; size?: number } } {
    const { reason, message, previousState, size } = this
    const state = previousState === undefined ? {} : { previous_state: previousState }
    return { detail: { reason, message, ...state, ...(size === undefined ? {} : { size }) } }
  }
}

/** The refusal for an answer of a move that is not what the worker wanted. */
export function refusalOf(
  answer:
    | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly state: TaskInstanceState }
    | { readonly kind: 'archived' }
    | { readonly kind: 'notFound' },
): Refusal {
  switch (answer.kind) {
    case 'refused':
      return new Refusal(409, answer.reason, `${SENTENCES[answer.reason]} Its state is ${answer.state}.`, {
        previousState: answer.state,
      })
    case 'archived':
      return new Refusal(410, 'archived', SENTENCES.archived)
    case 'notFound':
      return new Refusal(404, 'not_found', 'There is no such task instance.')
    default:
      return answer satisfies never
  }
}

const SENTENCES: Readonly<Record<RefusalReason, string>> = {
  invalid_state: 'The task instance is not waiting to be started.',
  running_elsewhere: 'Another worker runs this task instance.',
  not_running: 'The task instance is not running.',
  superseded: 'The task instance was handed over anew; this hand-over counts no more.',
  archived: 'This try has ended.',
  incompatible_runner: 'The task runner speaks another version of the contract.',
  ticket_used: 'The launch ticket was redeemed by another worker.',
}
