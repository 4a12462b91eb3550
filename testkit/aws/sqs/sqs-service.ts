import { z } from 'zod'
import { ACCOUNT } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from '../wire/aws-error.ts'
import { defineOperation } from '../wire/define-operation.ts'
import type { Operation, Service } from '../wire/service.ts'
import { md5, md5OfAttributes, type Queue, type QueuedMessage, type ReceiptVerdict } from './queue.ts'
import type { SqsDouble } from './sqs-double.ts'

/** The API of SQS. */
export function sqsService(sqs: SqsDouble): Service {
  return {
    name: 'sqs',
    protocol: 'json-1.0',
    operations: {
      SendMessage: sendMessage(sqs),
      SendMessageBatch: sendMessageBatch(sqs),
      ReceiveMessage: receiveMessage(sqs),
      DeleteMessage: deleteMessage(sqs),
      DeleteMessageBatch: deleteMessageBatch(sqs),
      ChangeMessageVisibility: changeMessageVisibility(sqs),
      GetQueueAttributes: getQueueAttributes(sqs),
      GetQueueUrl: getQueueUrl(sqs),
      ListQueues: listQueues(sqs),
    },
    throttled: () =>
      new AwsError('com.amazonaws.sqs#RequestThrottled', 'Rate exceeded', { queryCode: 'RequestThrottled' }),
    broken: (status) =>
      new AwsError('InternalFailure', 'The service is broken.', { status, queryCode: 'InternalFailure' }),
  }
}

const MAX_MESSAGE_BYTES = 1_048_576
const MAX_IN_FLIGHT = 120_000

const attributes = z.record(
  z.string(),
  z.object({ DataType: z.string(), StringValue: z.string().optional(), BinaryValue: z.string().optional() }),
)
const message = z.object({
  MessageBody: z.string(),
  DelaySeconds: z.int().optional(),
  MessageAttributes: attributes.optional(),
})
const onQueue = z.object({ QueueUrl: z.string() })

function sendMessage(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend(message.shape),
    needs: (input) => needs('sqs:SendMessage', sqs, input),
    run: (input) => send(queueOf(sqs, input), input),
  })
}

function sendMessageBatch(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend({ Entries: z.array(message.extend({ Id: z.string() })) }),
    needs: (input) => needs('sqs:SendMessage', sqs, input),
    run: ({ Entries, ...input }) => {
      const queue = queueOf(sqs, input)
      checkBatch(Entries)
      return { Successful: Entries.map((entry) => ({ Id: entry.Id, ...send(queue, entry) })), Failed: [] }
    },
  })
}

function receiveMessage(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend({
      MaxNumberOfMessages: z.int().optional(),
      WaitTimeSeconds: z.int().optional(),
      VisibilityTimeout: z.int().optional(),
      AttributeNames: z.array(z.string()).optional(),
      MessageSystemAttributeNames: z.array(z.string()).optional(),
      MessageAttributeNames: z.array(z.string()).optional(),
    }),
    needs: (input) => needs('sqs:ReceiveMessage', sqs, input),
    run: async (input, { signal }) => {
      const queue = queueOf(sqs, input)
      const limit = within('MaxNumberOfMessages', input.MaxNumberOfMessages ?? 1, 1, 10)
      const wait = within('WaitTimeSeconds', input.WaitTimeSeconds ?? queue.settings.waitTimeSeconds ?? 0, 0, 20)
      if (input.VisibilityTimeout !== undefined) within('VisibilityTimeout', input.VisibilityTimeout, 0, 43_200)
      if (queue.counts.inFlight >= MAX_IN_FLIGHT)
        throw new AwsError('com.amazonaws.sqs#OverLimit', 'Too many messages in flight.', {
          queryCode: 'OverLimit',
          status: 403,
        })
      const messages = await queue.receive({
        limit,
        waitMs: wait * 1000,
        visibilitySeconds: input.VisibilityTimeout,
        signal,
      })
      const system = input.MessageSystemAttributeNames ?? input.AttributeNames ?? []
      // As on AWS, the member is absent, not empty, where there is nothing.
      if (messages.length === 0) return {}
      return { Messages: messages.map((one) => describe(one, system, input.MessageAttributeNames ?? [])) }
    },
  })
}

function deleteMessage(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend({ ReceiptHandle: z.string() }),
    needs: (input) => needs('sqs:DeleteMessage', sqs, input),
    run: ({ ReceiptHandle, ...input }) => {
      checkReceipt(queueOf(sqs, input).remove(ReceiptHandle), ReceiptHandle)
      return {}
    },
  })
}

function deleteMessageBatch(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend({ Entries: z.array(z.object({ Id: z.string(), ReceiptHandle: z.string() })) }),
    needs: (input) => needs('sqs:DeleteMessage', sqs, input),
    run: ({ Entries, ...input }) => {
      const queue = queueOf(sqs, input)
      checkBatch(Entries)
      const verdicts = Entries.map(({ Id, ReceiptHandle }) => ({ Id, verdict: queue.remove(ReceiptHandle) }))
      return {
        Successful: verdicts.filter(({ verdict }) => verdict !== 'invalid').map(({ Id }) => ({ Id })),
        Failed: verdicts
          .filter(({ verdict }) => verdict === 'invalid')
          .map(({ Id }) => ({
            Id,
            Code: 'ReceiptHandleIsInvalid',
            Message: 'The input receipt handle is invalid.',
            SenderFault: true,
          })),
      }
    },
  })
}

function changeMessageVisibility(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend({ ReceiptHandle: z.string(), VisibilityTimeout: z.int() }),
    needs: (input) => needs('sqs:ChangeMessageVisibility', sqs, input),
    run: ({ ReceiptHandle, VisibilityTimeout, ...input }) => {
      const seconds = within('VisibilityTimeout', VisibilityTimeout, 0, 43_200)
      const verdict = queueOf(sqs, input).changeVisibility(ReceiptHandle, seconds)
      checkReceipt(verdict, ReceiptHandle)
      if (verdict === 'notInFlight' || verdict === 'stale')
        throw new AwsError('com.amazonaws.sqs#MessageNotInflight', 'The message is not in flight.', {
          queryCode: 'AWS.SimpleQueueService.MessageNotInflight',
        })
      if (verdict === 'gone')
        throw invalid(
          'Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.',
        )
      return {}
    },
  })
}

function getQueueAttributes(sqs: SqsDouble): Operation {
  return defineOperation({
    input: onQueue.extend({ AttributeNames: z.array(z.string()).optional() }),
    needs: (input) => needs('sqs:GetQueueAttributes', sqs, input),
    run: ({ AttributeNames = [], ...input }) => {
      const all = attributesOf(queueOf(sqs, input))
      const unknown = AttributeNames.find((name) => name !== 'All' && !(name in all) && name !== 'RedrivePolicy')
      if (unknown !== undefined)
        throw new AwsError('com.amazonaws.sqs#InvalidAttributeName', `Unknown Attribute ${unknown}.`, {
          queryCode: 'InvalidAttributeName',
        })
      const wanted = Object.entries(all).filter(
        ([name]) => AttributeNames.includes('All') || AttributeNames.includes(name),
      )
      return wanted.length === 0 ? {} : { Attributes: Object.fromEntries(wanted) }
    },
  })
}

function getQueueUrl(sqs: SqsDouble): Operation {
  return defineOperation({
    input: z.object({ QueueName: z.string() }),
    needs: ({ QueueName }) => needs('sqs:GetQueueUrl', sqs, { QueueUrl: QueueName }),
    run: ({ QueueName }) => ({ QueueUrl: sqs.urlOf(queueOf(sqs, { QueueUrl: QueueName })) }),
  })
}

function listQueues(sqs: SqsDouble): Operation {
  return defineOperation({
    input: z.object({ QueueNamePrefix: z.string().optional() }),
    needs: () => [{ action: 'sqs:ListQueues', resource: '*' }],
    run: ({ QueueNamePrefix = '' }) => {
      const urls = sqs.urls().filter((url) => url.split('/').at(-1)?.startsWith(QueueNamePrefix))
      return urls.length === 0 ? {} : { QueueUrls: urls }
    },
  })
}

interface OnQueue {
  readonly QueueUrl: string
}

function needs(action: string, sqs: SqsDouble, { QueueUrl }: OnQueue): readonly Need[] {
  return [{ action, resource: sqs.arnOf(QueueUrl.split('/').at(-1) ?? '') }]
}

function queueOf(sqs: SqsDouble, { QueueUrl }: OnQueue): Queue {
  const queue = sqs.find(QueueUrl)
  if (queue !== null) return queue
  throw new AwsError('com.amazonaws.sqs#QueueDoesNotExist', 'The specified queue does not exist.', {
    queryCode: 'AWS.SimpleQueueService.NonExistentQueue',
  })
}

function send(
  queue: Queue,
  { MessageBody, DelaySeconds = 0, MessageAttributes = {} }: z.output<typeof message>,
): Record<string, unknown> {
  const size = Buffer.byteLength(MessageBody) + Buffer.byteLength(JSON.stringify(MessageAttributes)) - 2
  if (MessageBody === '') throw invalid('The request must contain the parameter MessageBody.')
  if (size > MAX_MESSAGE_BYTES)
    throw invalid(
      `One or more parameters are invalid. Reason: Message must be shorter than ${MAX_MESSAGE_BYTES} bytes.`,
    )
  within('DelaySeconds', DelaySeconds, 0, 900)
  const { id } = queue.send({ body: MessageBody, attributes: MessageAttributes, delaySeconds: DelaySeconds })
  return {
    MessageId: id,
    MD5OfMessageBody: md5(MessageBody),
    ...(Object.keys(MessageAttributes).length === 0
      ? {}
      : { MD5OfMessageAttributes: md5OfAttributes(MessageAttributes) }),
  }
}

function describe(one: QueuedMessage, system: readonly string[], names: readonly string[]): Record<string, unknown> {
  const all: Record<string, string> = {
    SenderId: ACCOUNT,
    SentTimestamp: String(one.sentAt),
    ApproximateReceiveCount: String(one.receiveCount),
    ApproximateFirstReceiveTimestamp: String(one.firstReceivedAt ?? 0),
  }
  const chosen = Object.entries(all).filter(([name]) => system.includes('All') || system.includes(name))
  const own = Object.entries(one.attributes).filter(([name]) => names.some((wanted) => isNamed(name, wanted)))
  return {
    MessageId: one.id,
    ReceiptHandle: one.receiptHandle,
    Body: one.body,
    MD5OfBody: md5(one.body),
    ...(chosen.length === 0 ? {} : { Attributes: Object.fromEntries(chosen) }),
    ...(own.length === 0
      ? {}
      : {
          MessageAttributes: Object.fromEntries(own),
          MD5OfMessageAttributes: md5OfAttributes(Object.fromEntries(own)),
        }),
  }
}

function isNamed(name: string, wanted: string): boolean {
  return wanted === 'All' || wanted === name || (wanted.endsWith('.*') && name.startsWith(wanted.slice(0, -1)))
}

function attributesOf(queue: Queue): Record<string, string> {
  const { visible, inFlight, delayed } = queue.counts
  const { redrive, waitTimeSeconds = 0 } = queue.settings
  const createdAt = String(Math.floor(queue.createdAt / 1000))
  return {
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    CreatedTimestamp: createdAt,
    DelaySeconds: '0',
    LastModifiedTimestamp: createdAt,
    MaximumMessageSize: String(MAX_MESSAGE_BYTES),
    MessageRetentionPeriod: String(queue.retentionSeconds),
    QueueArn: queue.arn,
    ReceiveMessageWaitTimeSeconds: String(waitTimeSeconds),
    SqsManagedSseEnabled: 'true',
    VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    ...(redrive === undefined
      ? {}
      : {
          RedrivePolicy: JSON.stringify({
            deadLetterTargetArn: redrive.deadLetterQueueArn,
            maxReceiveCount: redrive.maxReceiveCount,
          }),
        }),
  }
}

function checkBatch(entries: ReadonlyArray<{ readonly Id: string }>): void {
  if (entries.length === 0)
    throw new AwsError('com.amazonaws.sqs#EmptyBatchRequest', 'There should be at least one entry in the request.', {
      queryCode: 'AWS.SimpleQueueService.EmptyBatchRequest',
    })
  if (entries.length > 10)
    throw new AwsError(
      'com.amazonaws.sqs#TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
      { queryCode: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest' },
    )
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length)
    throw new AwsError(
      'com.amazonaws.sqs#BatchEntryIdsNotDistinct',
      'Two or more batch entries in the request have the same Id.',
      { queryCode: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct' },
    )
}

function checkReceipt(verdict: ReceiptVerdict, handle: string): void {
  if (verdict !== 'invalid') return
  throw new AwsError(
    'com.amazonaws.sqs#ReceiptHandleIsInvalid',
    `The input receipt handle "${handle}" is not a valid receipt handle.`,
    { queryCode: 'ReceiptHandleIsInvalid' },
  )
}

function within(name: string, value: number, low: number, high: number): number {
  if (value >= low && value <= high) return value
  throw invalid(
    `Value ${value} for parameter ${name} is invalid. Reason: Must be between ${low} and ${high}, if provided.`,
  )
}

function invalid(text: string): AwsError {
  return new AwsError('com.amazonaws.sqs#InvalidParameterValueException', text, { queryCode: 'InvalidParameterValue' })
}
