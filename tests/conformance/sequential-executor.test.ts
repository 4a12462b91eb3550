import { conformance } from '@fairlead/executor/vitest'
import { SequentialExecutor } from '@fairlead/executor-local'
import { openLaboratory } from 'fairlead/conformance'

conformance({
  subject: { executorClass: SequentialExecutor, settings: { spares: 1, killGraceMs: 500, heartbeatIntervalMs: 200 } },
  openLaboratory,
  volume: 50,
})
