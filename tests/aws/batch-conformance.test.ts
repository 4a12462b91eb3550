import { BatchExecutor } from '@fairlead/executor-aws/batch'
import { conformance } from '@fairlead/executor/vitest'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll } from 'vitest'
import { hooksOf } from '../../packages/executor-aws/src/batch/conformance-hooks.ts'
import { startCheckedDouble } from '../../testkit/aws/model/checked-double.ts'
import { BATCH_SETTINGS, setBatchStage } from './batch-stage.ts'

const double = await startCheckedDouble({ areRequestsChecked: true })
setBatchStage(double)
Object.assign(process.env, double.environment)
afterAll(() => double.close())

conformance({
  subject: {
    executorClass: BatchExecutor,
    settings: { ...BATCH_SETTINGS, endpoint: double.url },
    executorConfig: { env: { FROM: 'the kit' } },
    hooks: hooksOf(double.environment),
  },
  openLaboratory,
  patienceMs: 60_000,
  volume: 12,
})
