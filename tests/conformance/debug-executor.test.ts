import { conformance } from '@fairlead/executor/vitest'
import { DebugExecutor } from '@fairlead/executor-local'
import { openLaboratory } from 'fairlead/conformance'

conformance({
  subject: { executorClass: DebugExecutor, settings: { killGraceMs: 500, heartbeatIntervalMs: 200 } },
  openLaboratory,
  volume: 50,
})
