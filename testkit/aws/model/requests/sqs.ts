import * as Sqs from '@aws-sdk/client-sqs'
import { STAGE, type Answers, type Place, type SetRequest } from '../set-request.ts'

/** Requests to sqs, good and bad. */
export function sqsRequests(): readonly SetRequest[] {
  const { queueName } = STAGE
  const receiptOf = (earlier: Answers): string =>
    (earlier.get('receive a message') as Sqs.ReceiveMessageCommandOutput).Messages?.[0]?.ReceiptHandle ?? ''
  const receive = ({ sqs, queueUrl: QueueUrl }: Place, more: object = {}): Promise<object> =>
    sqs.send(
      new Sqs.ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 1,
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
        MessageAttributeNames: ['All'],
        ...more,
      }),
    )
  const remove = ({ sqs, queueUrl: QueueUrl }: Place, ReceiptHandle: string): Promise<object> =>
    sqs.send(new Sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  return [
    { operation: 'sqs:ReceiveMessage', title: 'receive from an empty queue', send: (place) => receive(place) },
    {
      operation: 'sqs:SendMessage',
      title: 'send a message',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(
          new Sqs.SendMessageCommand({
            QueueUrl,
            MessageBody: '{"a":1}',
            MessageAttributes: { kind: { DataType: 'String', StringValue: 'task' } },
          }),
        ),
    },
    { operation: 'sqs:ReceiveMessage', title: 'receive a message', send: (place) => receive(place) },
    {
      operation: 'sqs:ReceiveMessage',
      title: 'receive eleven messages',
      send: (place) => receive(place, { MaxNumberOfMessages: 11 }),
    },
    {
      operation: 'sqs:ChangeMessageVisibility',
      title: 'hide a message for longer',
      send: ({ sqs, queueUrl: QueueUrl }, earlier) =>
        sqs.send(
          new Sqs.ChangeMessageVisibilityCommand({
            QueueUrl,
            ReceiptHandle: receiptOf(earlier),
            VisibilityTimeout: 60,
          }),
        ),
    },
    {
      operation: 'sqs:GetQueueAttributes',
      title: 'get the attributes of a queue',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(new Sqs.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })),
    },
    {
      operation: 'sqs:DeleteMessage',
      title: 'delete a message',
      send: (place, earlier) => remove(place, receiptOf(earlier)),
    },
    {
      operation: 'sqs:DeleteMessage',
      title: 'delete by a receipt that is none',
      send: (place) => remove(place, 'nonsense'),
    },
    {
      operation: 'sqs:SendMessageBatch',
      title: 'send two messages',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(
          new Sqs.SendMessageBatchCommand({
            QueueUrl,
            Entries: [
              { Id: 'a', MessageBody: 'a' },
              { Id: 'b', MessageBody: 'b' },
            ],
          }),
        ),
    },
    {
      operation: 'sqs:DeleteMessageBatch',
      title: 'delete a batch by receipts that are none',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(new Sqs.DeleteMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', ReceiptHandle: 'nonsense' }] })),
    },
    {
      operation: 'sqs:GetQueueUrl',
      title: 'get the URL of a queue',
      send: ({ sqs }) => sqs.send(new Sqs.GetQueueUrlCommand({ QueueName: queueName })),
    },
    {
      operation: 'sqs:GetQueueUrl',
      title: 'get the URL of a queue that is not there',
      send: ({ sqs }) => sqs.send(new Sqs.GetQueueUrlCommand({ QueueName: 'nowhere' })),
    },
    {
      operation: 'sqs:ListQueues',
      title: 'list queues',
      send: ({ sqs }) => sqs.send(new Sqs.ListQueuesCommand({ QueueNamePrefix: queueName })),
    },
  ]
}
