import { conformance } from '@fairlead/executor/vitest'
import { LocalExecutor } from '@fairlead/executor-local'
import { openLaboratory } from 'fairlead/conformance'

conformance({
  subject: { executorClass: LocalExecutor, settings: { spares: 1, killGraceMs: 500, heartbeatIntervalMs: 200 } },
  openLaboratory,
})
