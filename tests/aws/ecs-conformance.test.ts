import { EcsExecutor } from '@fairlead/executor-aws/ecs'
import { conformance } from '@fairlead/executor/vitest'
import { openLaboratory } from 'fairlead/conformance'
import { hooksOf } from '../../packages/executor-aws/src/ecs/conformance-hooks.ts'
import { startCheckedDouble } from '../../testkit/aws/model/checked-double.ts'
import { afterAll } from 'vitest'
import { ECS_SETTINGS, setEcsStage } from './ecs-stage.ts'

const double = await startCheckedDouble({ areRequestsChecked: true })
setEcsStage(double)
Object.assign(process.env, double.environment)
afterAll(() => double.close())

conformance({
  subject: {
    executorClass: EcsExecutor,
    settings: { ...ECS_SETTINGS, endpoint: double.url },
    executorConfig: { env: { FROM: 'the kit' } },
    hooks: hooksOf(double.environment),
  },
  openLaboratory,
  patienceMs: 60_000,
  volume: 12,
})
