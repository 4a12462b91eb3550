import { LambdaExecutor } from '@fairlead/executor-aws/lambda'
import { conformance } from '@fairlead/executor/vitest'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll } from 'vitest'
import { hooksOf } from '../../packages/executor-aws/src/lambda/conformance-hooks.ts'
import { startAwsDouble } from '../../testkit/aws/index.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

const double = await startAwsDouble()
setLambdaStage(double)
Object.assign(process.env, double.environment)
afterAll(() => double.close())

conformance({
  subject: {
    executorClass: LambdaExecutor,
    settings: { ...lambdaSettings(double), endpoint: double.url },
    executorConfig: { functionName: 'tasks' },
    hooks: hooksOf(double.environment),
  },
  openLaboratory,
  patienceMs: 60_000,
  volume: 12,
})
