import type { AwsDouble } from '../../testkit/aws/index.ts'

/** Settings of a BatchExecutor that lives on the stage, at the pace of a test. */
export const BATCH_SETTINGS = {
  region: 'eu-central-1',
  jobQueue: 'line',
  jobDefinition: 'worker',
  poll: { shortestMs: 50, longestMs: 200 },
  missingGraceMs: 1000,
  submitSettleMs: 200,
  capacityBackoff: { firstMs: 200, longestMs: 1000 },
}

/** A job queue, and a job definition that runs the worker of this repository. */
export function setBatchStage(double: AwsDouble): void {
  double.batch.defineQueue({ name: BATCH_SETTINGS.jobQueue })
  double.batch.defineJobDefinition({ name: BATCH_SETTINGS.jobDefinition })
}
