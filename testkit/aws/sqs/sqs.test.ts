import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  type Message,
  type ReceiveMessageCommandInput,
} from '@aws-sdk/client-sqs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { AwsDouble } from '../aws-double.ts'
import { startCheckedDouble } from '../model/checked-double.ts'

let double: AwsDouble
let sqs: SQSClient
let QueueUrl: string

beforeEach(async () => {
  double = await startCheckedDouble()
  sqs = new SQSClient({ ...double.client, maxAttempts: 1 })
  QueueUrl = double.sqs.createQueue('results')
})

afterEach(async () => {
  sqs.destroy()
  await double.close()
})

async function receive(more: Partial<ReceiveMessageCommandInput> = {}): Promise<readonly Message[] | undefined> {
  const input = { QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All' as const], ...more }
  return (await sqs.send(new ReceiveMessageCommand(input))).Messages
}

async function send(...bodies: readonly string[]): Promise<void> {
  for (const MessageBody of bodies) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
}

it('hands out a message with its attributes, and no member where there is nothing', async () => {
  expect(await receive()).toBeUndefined()
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: '{"a":1}',
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'task' } },
    }),
  )
  const [message] = (await receive({ MessageAttributeNames: ['All'] })) ?? []
  expect(message).toMatchObject({
    Body: '{"a":1}',
    Attributes: { ApproximateReceiveCount: '1' },
    MessageAttributes: { kind: { StringValue: 'task' } },
  })
})

it('hides what was received, and hands it out again when nobody deleted it', async () => {
  await send('one')
  const [first] = (await receive()) ?? []
  expect(await receive()).toBeUndefined()
  double.clock.advance(30_000)
  const [second] = (await receive()) ?? []
  expect(second).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } })
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second?.ReceiptHandle }))
  double.clock.advance(60_000)
  expect(await receive()).toBeUndefined()
})

it('accepts an old receipt and deletes nothing by it', async () => {
  await send('one')
  const [first] = (await receive({ VisibilityTimeout: 0 })) ?? []
  await receive({ VisibilityTimeout: 0 })
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }))
  expect(await receive()).toHaveLength(1)
})

it('waits for a message as long as it is told to, and hands it out the moment it comes', async () => {
  const waiting = receive({ WaitTimeSeconds: 20 })
  await send('late')
  expect(await waiting).toMatchObject([{ Body: 'late' }])
})

it('gives nothing to a receiver that went while it waited', async () => {
  const gone = new AbortController()
  const waiting = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), { abortSignal: gone.signal })
  gone.abort()
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  await send('kept')
  expect(await receive({ WaitTimeSeconds: 5 })).toMatchObject([{ Body: 'kept' }])
})

it('hands out ten at most, and one where nobody says how many', async () => {
  await send(...Array.from({ length: 12 }, (_, index) => String(index)))
  expect(await receive()).toHaveLength(10)
  expect((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages).toHaveLength(1)
  await expect(receive({ MaxNumberOfMessages: 11 })).rejects.toThrow(/MaxNumberOfMessages/)
})

it('makes a message visible at once, or hides it for longer', async () => {
  await send('one')
  const [message] = (await receive()) ?? []
  const change = async (VisibilityTimeout: number): Promise<unknown> =>
    await sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout }),
    )
  await change(600)
  double.clock.advance(60_000)
  expect(await receive()).toBeUndefined()
  await change(0)
  expect(await receive()).toHaveLength(1)
  await expect(change(0)).rejects.toMatchObject({ name: 'MessageNotInflight' })
})

it('moves what was received too often to the dead-letter queue', async () => {
  const dead = double.sqs.createQueue('dead')
  const redrive = { deadLetterQueueArn: double.sqs.arnOf('dead'), maxReceiveCount: 2 }
  QueueUrl = double.sqs.createQueue('poisoned', { redrive })
  await send('poison')
  expect(await receive({ VisibilityTimeout: 0 })).toHaveLength(1)
  expect(await receive({ VisibilityTimeout: 0 })).toHaveLength(1)
  expect(await receive()).toBeUndefined()
  expect(double.sqs.bodiesIn(dead)).toEqual(['poison'])
})

it('sends and deletes in batches, and says of each entry what came of it', async () => {
  const Entries = ['a', 'b'].map((Id) => ({ Id, MessageBody: Id }))
  const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
  expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['a', 'b'])
  const [first] = (await receive()) ?? []
  const deleted = await sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl,
      Entries: [
        { Id: 'good', ReceiptHandle: first?.ReceiptHandle },
        { Id: 'bad', ReceiptHandle: 'nonsense' },
      ],
    }),
  )
  expect(deleted.Successful?.map(({ Id }) => Id)).toEqual(['good'])
  expect(deleted.Failed?.map(({ Code }) => Code)).toEqual(['ReceiptHandleIsInvalid'])
})

it('counts what it holds', async () => {
  await send('one', 'two')
  await receive({ MaxNumberOfMessages: 1 })
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))
  expect(Attributes).toMatchObject({
    ApproximateNumberOfMessages: '1',
    ApproximateNumberOfMessagesNotVisible: '1',
    QueueArn: 'arn:aws:sqs:eu-central-1:123456789012:results',
  })
})

it('says that it knows no such queue, no such receipt, and takes nothing over a megabyte', async () => {
  expect((await sqs.send(new GetQueueUrlCommand({ QueueName: 'results' }))).QueueUrl).toBe(QueueUrl)
  await expect(sqs.send(new GetQueueUrlCommand({ QueueName: 'nowhere' }))).rejects.toMatchObject({
    name: 'QueueDoesNotExist',
  })
  const invalid = sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'nonsense' }))
  await expect(invalid).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' })
  await expect(send('x'.repeat(1_048_577))).rejects.toThrow(/shorter than 1048576 bytes/)
})
