import { batchRequests } from './requests/batch.ts'
import { ecsRequests } from './requests/ecs.ts'
import { lambdaRequests } from './requests/lambda.ts'
import { logsRequests } from './requests/logs.ts'
import { sqsRequests } from './requests/sqs.ts'
import { stsRequests } from './requests/sts.ts'
import type { SetRequest } from './set-request.ts'

/**
 * One set of requests, good and bad, that is sent to whatever speaks as AWS does. Each place sets its own stage; the requests
 * are the same, in this order.
 */
export function requestSet(): readonly SetRequest[] {
  return [
    ...ecsRequests(),
    ...batchRequests(),
    ...lambdaRequests(),
    ...sqsRequests(),
    ...logsRequests(),
    ...stsRequests(),
  ]
}
