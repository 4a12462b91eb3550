import { fileURLToPath } from 'node:url'
import type { AwsDouble } from '../../testkit/aws/index.ts'

/** Settings of a LambdaExecutor that lives on the stage, at the pace of a test. */
export function lambdaSettings(double: AwsDouble): object {
  return {
    region: double.region,
    functionName: 'tasks',
    resultQueueUrl: double.sqs.urls().find((url) => url.endsWith('/results')),
    deadLetterQueueUrl: double.sqs.urls().find((url) => url.endsWith('/dead')),
    longPollSeconds: 1,
  }
}

/** A function with the handler of this repository, as it was built, and the queue for its results and dead letters. */
export function setLambdaStage(double: AwsDouble): void {
  double.sqs.createQueue('results', { visibilityTimeoutSeconds: 2 })
  double.sqs.createQueue('dead', { visibilityTimeoutSeconds: 2 })
  double.lambda.defineFunction({
    name: 'tasks',
    handlerPath: fileURLToPath(new URL('../../packages/executor-aws/dist/lambda/handler.js', import.meta.url)),
    timeoutMs: 900_000,
    eventInvoke: {
      maximumRetryAttempts: 0,
      maximumEventAgeSeconds: 60,
      onFailure: double.sqs.arnOf('dead'),
    },
  })
}
