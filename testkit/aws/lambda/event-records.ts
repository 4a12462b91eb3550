import type { SentMessage } from '../sqs/queue.ts'
import type { AcceptedEvent } from './accepted-event.ts'
import type { InvocationEnd } from './execution-environment.ts'

/** What Lambda tells of events that are over, in its three shapes. */

/** To a failure destination: an envelope. */
export function failureRecordOf(event: AcceptedEvent, condition: string, at: Date): object {
  const { id, definition, attempts, last } = event
  return {
    version: '1.0',
    timestamp: at.toISOString(),
    requestContext: {
      requestId: id,
      functionArn: `${definition.arn}:$LATEST`,
      condition,
      approximateInvokeCount: attempts,
    },
    requestPayload: event.event,
    ...(last === null
      ? {}
      : {
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
          responsePayload: payloadOf(last),
        }),
  }
}

/** To a success destination: the same envelope. */
export function successRecordOf(event: AcceptedEvent): object {
  const { last } = event
  return {
    ...failureRecordOf(event, 'Success', new Date(event.acceptedAt)),
    responseContext: { statusCode: 200, executedVersion: '$LATEST' },
    responsePayload: last === null ? null : payloadOf(last),
  }
}

/** To a dead-letter queue: the bare event, and attributes beside it. */
export function deadLetterOf(event: AcceptedEvent): SentMessage {
  const error = event.last === null || event.last.kind === 'answered' ? 'EventAgeExceeded' : event.last.errorMessage
  return {
    body: JSON.stringify(event.event),
    attributes: {
      RequestID: { DataType: 'String', StringValue: event.id },
      ErrorCode: { DataType: 'Number', StringValue: '200' },
      ErrorMessage: { DataType: 'String', StringValue: error.slice(0, 1024) },
    },
  }
}

/** What a caller gets of an end. */
export function payloadOf(end: InvocationEnd): unknown {
  switch (end.kind) {
    case 'answered':
      return JSON.parse(end.payload) as unknown
    case 'failed':
      return { errorType: end.errorType, errorMessage: end.errorMessage, trace: end.trace }
    case 'died':
      return { errorType: end.errorType, errorMessage: end.errorMessage }
    default:
      return end satisfies never
  }
}
