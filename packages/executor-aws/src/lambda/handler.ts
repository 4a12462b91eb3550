import { runRemoteWorkload, type RemoteEnd } from '@fairlead/task-runner'
import type { WorkloadExit } from '@fairlead/protocol'
import { lambdaEventSchema, type LambdaEvent } from './lambda-event.ts'
import type { ResultMessage } from './result-message.ts'
import { ResultSender } from './result-sender.ts'

/** What Lambda says of an invocation: the part that is read here. */
export interface InvocationContext {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

const sender = new ResultSender()

/**
 * The function's handler: runs the task that the event refers to, and tells its end to the queue that the event names. An
 * event that AWS delivers twice runs once: the API lets one worker alone redeem a ticket, and the other one says nothing.
 * It throws where the end could not be told, so that the event becomes a dead letter and is heard of all the same.
 */
export async function handler(event: unknown, context: InvocationContext): Promise<ResultMessage | null> {
  const parsed = lambdaEventSchema.safeParse(event)
  if (!parsed.success) throw new Error('The event is none of a LambdaExecutor of Fairlead. Nothing was run.')
  const end = await runWithin(parsed.data, context)
  const message = resultOf(parsed.data, context.awsRequestId, end)
  const { resultQueueUrl } = parsed.data
  if (message === null || resultQueueUrl === undefined) return message
  await sender.send(
    resultQueueUrl,
    message,
    AbortSignal.timeout(Math.max(1, context.getRemainingTimeInMillis() - LAST_MS)),
  )
  return message
}

/** Ends the task in time to tell what became of it, before AWS ends everything. */
async function runWithin(event: LambdaEvent, context: InvocationContext): Promise<RemoteEnd> {
  const remainingMs = context.getRemainingTimeInMillis()
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), remainingMs - reserveOf(remainingMs))
  try {
    return await runRemoteWorkload({
      apiUrl: event.apiUrl,
      dispatchId: event.dispatchId,
      ticket: event.ticket,
      ...(event.logUrl === undefined ? {} : { logUrl: event.logUrl }),
      signal: stop.signal,
      output: writeOut,
      launchBudgetMs: Math.min(LAUNCH_BUDGET_MS, remainingMs / 2),
      killGraceMs: Math.min(KILL_GRACE_MS, reserveOf(remainingMs) / 2),
    })
  } finally {
    clearTimeout(timer)
  }
}

/** What is told of an end, or null where another worker has the task and will tell. */
export function resultOf(event: LambdaEvent, requestId: string, end: RemoteEnd): ResultMessage | null {
  if (end.kind === 'neverStarted' && RUN_BY_ANOTHER.has(end.refusal ?? '')) return null
  const { executor = '', dispatchId } = event
  return { type: 'fairlead.lambda.result', executor, dispatchId, requestId, exit: exitOf(end) }
}

function exitOf(end: RemoteEnd): WorkloadExit {
  switch (end.kind) {
    case 'ended':
      return end.exit
    case 'neverStarted':
      return HAND_OVER_ENDED.has(end.refusal ?? '')
        ? { kind: 'superseded' }
        : { kind: 'neverStarted', detail: end.detail }
    case 'unreachable':
      return { kind: 'neverStarted', detail: `The function could not reach the API. ${end.detail}` }
    default:
      return end satisfies never
  }
}

/** Lambda keeps what a function writes. */
async function writeOut(bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write(bytes, () => resolve()))
}

function reserveOf(remainingMs: number): number {
  return Math.min(RESERVE_MS, remainingMs / 4)
}

/** Why the API refuses a worker whose task another one runs. */
const RUN_BY_ANOTHER = new Set(['ticket_used', 'running_elsewhere'])
/** Why the API refuses a worker whose task nobody wants any more, or has run already. */
const HAND_OVER_ENDED = new Set(['archived', 'notFound', 'superseded'])
/** What stopping a task, its last log and its result may need. */
const RESERVE_MS = 15_000
const KILL_GRACE_MS = 5000
const LAUNCH_BUDGET_MS = 60_000
const LAST_MS = 500
