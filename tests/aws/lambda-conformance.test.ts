import { LambdaExecutor } from '@fairlead/executor-aws/lambda'
import type { ExecutorHost } from '@fairlead/executor'
import { conformance } from '@fairlead/executor/vitest'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll } from 'vitest'
import { hooksOf } from '../../packages/executor-aws/src/lambda/conformance-hooks.ts'
import { startCheckedDouble } from '../../testkit/aws/model/checked-double.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

const double = await startCheckedDouble({ areRequestsChecked: true })
setLambdaStage(double)
Object.assign(process.env, double.environment)
afterAll(() => double.close())

/** Each instance has a queue of results of its own, as the guide says. */
class OnItsOwnQueue extends LambdaExecutor {
  constructor(host: ExecutorHost) {
    const resultQueueUrl = queueOf(host.name)
    super({ ...host, settings: { ...host.settings, resultQueueUrl } })
  }
}

function queueOf(name: string): string {
  const queue = `results-${name.replaceAll(/\W/g, '_')}`
  return (
    double.sqs.urls().find((url) => url.endsWith(`/${queue}`)) ??
    double.sqs.createQueue(queue, { visibilityTimeoutSeconds: 2 })
  )
}

conformance({
  subject: {
    executorClass: OnItsOwnQueue,
    settings: { ...lambdaSettings(double), endpoint: double.url },
    executorConfig: { functionName: 'tasks' },
    hooks: hooksOf(double.environment),
  },
  openLaboratory,
  patienceMs: 60_000,
  volume: 12,
})
