import {
  dispatchIdSchema,
  MAX_ID_LENGTH,
  taskInstanceIdSchema,
  UNMAPPED,
  type DagSpec,
  type TaskSpec,
} from '@fairlead/protocol'
import { taskWorkload } from './workload-of.ts'

/** Where the code of a Dag is; its hash has one length. */
export interface BundlePlace {
  readonly bundleName: string
  readonly file: string
}

const UUID = '00000000-0000-7000-8000-000000000000'
const HASH = '0'.repeat(64)
/** A ticket is about 330 characters; more leaves room for a claim. */
const TICKET = '0'.repeat(512)

/** Bytes of the largest workload that a task can make: with the longest run id, at its last try. */
export function largestWorkloadBytes(dag: DagSpec, task: TaskSpec, { bundleName, file }: BundlePlace): number {
  const workload = taskWorkload({
    dag,
    task,
    place: { bundleName, hash: HASH, file },
    taskInstance: {
      id: taskInstanceIdSchema.parse(UUID),
      dispatchId: dispatchIdSchema.parse(UUID),
      dagId: dag.dagId,
      runId: '0'.repeat(MAX_ID_LENGTH),
      taskId: task.taskId,
      mapIndex: UNMAPPED,
      tryNumber: task.retry.retries + 1,
      priorityWeight: task.priorityWeight,
      queue: task.queue,
      externalId: null,
    },
    token: TICKET,
    sentryIntegration: null,
  })
  return new TextEncoder().encode(JSON.stringify(workload)).length
}
