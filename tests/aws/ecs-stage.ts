import type { AwsDouble } from '../../testkit/aws/index.ts'

/** Settings of an EcsExecutor that lives on the stage, at the pace of a test. */
export const ECS_SETTINGS = {
  region: 'eu-central-1',
  cluster: 'jobs',
  taskDefinition: 'worker',
  containerName: 'main',
  network: { subnets: ['subnet-1'] },
  poll: { shortestMs: 50, longestMs: 200 },
  capacityBackoff: { firstMs: 200, longestMs: 1000 },
  missingGraceMs: 1000,
  unclearGraceMs: 200,
}

/** A cluster, and a task definition whose container runs the worker of this repository. */
export function setEcsStage(double: AwsDouble): void {
  double.ecs.defineCluster({ name: ECS_SETTINGS.cluster })
  double.ecs.defineTaskDefinition({
    family: ECS_SETTINGS.taskDefinition,
    cpu: '256',
    memory: '512',
    containers: [
      {
        name: ECS_SETTINGS.containerName,
        stopTimeout: 1,
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': '/fairlead', 'awslogs-stream-prefix': 'ecs', 'awslogs-region': double.region },
        },
      },
    ],
  })
}
