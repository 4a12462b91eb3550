import type { AwsDouble } from './aws-double.ts'
import type { AwsDoubleOptions } from './index.ts'
import { startCheckedDouble } from './model/checked-double.ts'

/** A double with what most tests need on it: the cluster `jobs`, the task definition `worker`, and a way to run a shell. */

/** Names on the stage. */
export const CLUSTER = 'jobs'
export const DEFINITION = 'worker'
export const CONTAINER = 'main'
export const LOG_GROUP = '/ecs/worker'

/** What every task on the stage is run with. */
export const NETWORK = { awsvpcConfiguration: { subnets: ['subnet-1'], securityGroups: ['sg-1'] } }

/** Starts a double and sets the stage. The definition runs the command of its override in a shell. */
export async function startStage(options: AwsDoubleOptions = {}): Promise<AwsDouble> {
  const double = await startCheckedDouble(options)
  double.ecs.defineCluster({ name: CLUSTER })
  double.ecs.defineTaskDefinition({
    family: DEFINITION,
    cpu: '256',
    memory: '512',
    containers: [
      {
        name: CONTAINER,
        image: 'sh:latest',
        stopTimeout: 2,
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': LOG_GROUP, 'awslogs-stream-prefix': 'ecs', 'awslogs-region': double.region },
        },
      },
    ],
  })
  return double
}
