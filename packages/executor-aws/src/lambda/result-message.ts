import { dispatchIdSchema, workloadExitSchema, type DispatchId, type WorkloadExit } from '@fairlead/protocol'
import { z } from 'zod'

/** How the handler tells that an invocation is over, over SQS and as its return value. */
export const resultMessageSchema = z.object({
  type: z.literal('fairlead.lambda.result'),
  executor: z.string(),
  dispatchId: dispatchIdSchema,
  /** Lambda's id of the invocation. */
  requestId: z.string(),
  exit: workloadExitSchema,
})
/** See {@link resultMessageSchema}. */
export type ResultMessage = z.infer<typeof resultMessageSchema>

/** Attribute of a message that names the executor instance it is for. */
export const EXECUTOR_ATTRIBUTE = 'fairlead.executor'

/** What arrives in a queue, as far as it is read. */
export interface QueueMessage {
  readonly body: string
  readonly attributes: Readonly<Record<string, string>>
}

/** What a message says. */
export type Tidings =
  /** An invocation is over. */
  | {
      readonly kind: 'ended'
      readonly executor: string | null
      readonly dispatchId: DispatchId
      readonly exit: WorkloadExit
    }
  /** It says nothing that is understood here. */
  | { readonly kind: 'strange' }

/**
 * Reads a message: what the handler sent, what Lambda's dead-letter queue holds (the event itself, with the error in
 * attributes), or what a destination was sent (an envelope with the event and the answer).
 */
export function tidingsOf({ body, attributes }: QueueMessage): Tidings {
  const content = jsonOf(body)
  const result = resultMessageSchema.safeParse(content)
  if (result.success) return endOf(result.data)
  const envelope = envelopeSchema.safeParse(content)
  if (envelope.success) return tidingsOfEnvelope(envelope.data)
  const event = deadEventSchema.safeParse(content)
  if (!event.success) return { kind: 'strange' }
  const message = attributes['ErrorMessage'] ?? 'AWS Lambda gave no reason'
  return { ...whoseOf(event.data), kind: 'ended', exit: exitOfDeath({ message, type: null, wasInvoked: true }) }
}

/** The event of an invocation, as far as it says whose it is. */
const deadEventSchema = z.object({ dispatchId: dispatchIdSchema, apiUrl: z.string(), executor: z.string().optional() })

const envelopeSchema = z.object({
  requestContext: z.object({ condition: z.string(), approximateInvokeCount: z.int().optional() }),
  requestPayload: deadEventSchema,
  responsePayload: z.unknown().optional(),
})

const errorPayloadSchema = z.object({ errorMessage: z.string().optional(), errorType: z.string().optional() })

function tidingsOfEnvelope({
  requestContext,
  requestPayload,
  responsePayload,
}: z.infer<typeof envelopeSchema>): Tidings {
  const { condition, approximateInvokeCount = 0 } = requestContext
  if (condition === 'Success') {
    // The handler returns what it would have sent; nothing, when another invocation runs the task.
    const result = resultMessageSchema.safeParse(responsePayload)
    return result.success ? endOf(result.data) : { kind: 'strange' }
  }
  const error = errorPayloadSchema.safeParse(responsePayload)
  const { errorMessage = CONDITIONS[condition] ?? condition, errorType = null } = error.success ? error.data : {}
  const wasInvoked = approximateInvokeCount > 0
  return {
    ...whoseOf(requestPayload),
    kind: 'ended',
    exit: exitOfDeath({ message: errorMessage, type: errorType, wasInvoked }),
  }
}

const CONDITIONS: Readonly<Record<string, string>> = {
  EventAgeExceeded: 'The event lay in the queue of AWS Lambda for longer than its maximum age',
  RetriesExhausted: 'AWS Lambda has no retries left',
}

function endOf({ executor, dispatchId, exit }: ResultMessage): Tidings {
  return { kind: 'ended', executor, dispatchId, exit }
}

function whoseOf({ executor, dispatchId }: z.infer<typeof deadEventSchema>): {
  readonly executor: string | null
  readonly dispatchId: DispatchId
} {
  return { executor: executor ?? null, dispatchId }
}

/** What AWS Lambda says of an invocation that did not return. */
export interface LambdaDeath {
  readonly message: string
  /** Absent in a dead-letter queue. */
  readonly type: string | null
  readonly wasInvoked: boolean
}

/** How an invocation ended that returned nothing. AWS has no codes for most of it, so its words are read here alone. */
export function exitOfDeath({ message, type, wasInvoked }: LambdaDeath): WorkloadExit {
  const detail = type === null ? message : `${type}: ${message}`
  if (!wasInvoked || BEFORE_HANDLER.some((name) => detail.includes(name))) return { kind: 'neverStarted', detail }
  const seconds = /Task timed out after (\d+(?:\.\d+)?) seconds/.exec(message)?.[1]
  if (seconds !== undefined) return { kind: 'timedOut', timeoutMs: Math.round(Number(seconds) * 1000) }
  if (detail.includes('OutOfMemory')) return { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' }
  if (message.includes('signal: killed')) return { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' }
  return { kind: 'lost', detail }
}

/** Errors of a function whose handler was never called. */
const BEFORE_HANDLER = [
  'Runtime.ImportModuleError',
  'Runtime.HandlerNotFound',
  'Runtime.MalformedHandlerName',
  'Runtime.UserCodeSyntaxError',
  'Runtime.InvalidEntrypoint',
  'Runtime.InvalidWorkingDir',
  'Runtime.InvalidTaskConfig',
  'Extension.',
]

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined // No JSON: nothing of ours.
  }
}
