import type { Workload, WorkloadExit } from '@fairlead/protocol'

/** A workload on offer or in a worker's hands. Rows of this shape survive in the executor's store. */
export interface Job {
  readonly workload: Workload
  readonly apiUrl: string
  readonly bundleFolder: string
  readonly logFolder: string
  readonly phase: 'offered' | 'leased' | 'started'
  readonly workerId: string | null
}

/** What a worker says of its jobs; the answer names those it must stop. */
export interface WorkerReport {
  readonly workerId: string
  readonly alive: readonly string[]
  readonly ended: ReadonlyArray<{ readonly dispatchId: string; readonly exit: WorkloadExit }>
}
