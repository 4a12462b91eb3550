// A function that does what its environment says, in the words of the real handler. `SCRIPT`: succeed, fail, silent (says
// nothing), throw, hang, exit, release (waits for the file RELEASE).
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'

const client = new SQSClient({})

export async function handler(event, { awsRequestId }) {
  const { SCRIPT = 'succeed', RELEASE = '' } = process.env
  if (SCRIPT === 'throw') throw new Error('the handler threw')
  if (SCRIPT === 'exit') process.exit(3)
  if (SCRIPT === 'hang') await sleep(600_000)
  while (SCRIPT === 'release' && !existsSync(RELEASE)) await sleep(10)
  if (SCRIPT === 'silent') return null
  const message = {
    type: 'fairlead.lambda.result',
    executor: event.executor,
    dispatchId: event.dispatchId,
    requestId: awsRequestId,
    exit: { kind: 'exited', exitCode: SCRIPT === 'fail' ? 7 : 0 },
  }
  if (event.resultQueueUrl !== undefined)
    await client.send(new SendMessageCommand({ QueueUrl: event.resultQueueUrl, MessageBody: JSON.stringify(message) }))
  return message
}
