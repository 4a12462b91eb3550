import { conformance } from '@fairlead/executor/vitest'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll } from 'vitest'
import { hooksOf } from '../../packages/executor-aws/src/lambda/conformance-hooks.ts'
import { startCheckedDouble } from '../../testkit/aws/model/checked-double.ts'
import { LambdaOnItsOwnQueue } from './lambda-on-its-own-queue.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

const double = await startCheckedDouble({ areRequestsChecked: true })
setLambdaStage(double)
Object.assign(process.env, double.environment)
afterAll(() => double.close())

conformance({
  subject: {
    executorClass: LambdaOnItsOwnQueue,
    settings: { ...lambdaSettings(double), endpoint: double.url },
    executorConfig: { functionName: 'tasks' },
    hooks: hooksOf(double.environment),
  },
  openLaboratory,
  patienceMs: 60_000,
  volume: 12,
})
