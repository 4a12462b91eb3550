import { dispatchIdSchema } from '@fairlead/protocol'
import { z } from 'zod'

/** What the function is invoked with: a reference to the workload, and where to tell its end. */
export const lambdaEventSchema = z.object({
  /** Where the worker reaches the API. */
  apiUrl: z.string(),
  dispatchId: dispatchIdSchema,
  /** Launch ticket: worthless once redeemed or superseded. The only credential that is here. */
  ticket: z.string(),
  /** Where the log goes, when not to the API. */
  logUrl: z.string().optional(),
  /** Name of the executor instance that waits for the end. */
  executor: z.string().optional(),
  /** SQS queue to which the end is told; absent where there is none. */
  resultQueueUrl: z.string().optional(),
})
/** See {@link lambdaEventSchema}. */
export type LambdaEvent = z.infer<typeof lambdaEventSchema>

/**
 * The most that Lambda takes for an asynchronous invocation: AWS has raised it to 1 MiB, and not in every region and
 * document. Nothing of ours comes near either.
 */
export const LARGEST_EVENT_BYTES = 256 * 1024

/** The bytes of an event. Throws for one that Lambda would refuse. */
export function bytesOfEvent(event: LambdaEvent): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(event))
  if (bytes.length <= LARGEST_EVENT_BYTES) return bytes
  throw new Error(
    `The event for the function is ${bytes.length} bytes, and AWS Lambda takes ${LARGEST_EVENT_BYTES} at most. ` +
      'Shorten "apiUrl", "logUrl" and "resultQueueUrl".',
  )
}
