import type { ContainerInstance } from './placement.ts'

/** What a test sets up before it runs tasks: clusters and task definitions. */

/** A cluster. */
export interface ClusterSpec {
  readonly name: string
  /** ACTIVE unless said otherwise. */
  readonly status?: 'ACTIVE' | 'INACTIVE'
  readonly capacityProviders?: readonly string[]
  readonly defaultCapacityProvider?: string
  /** Tasks beyond this many find no capacity. */
  readonly maxTasks?: number
  /** EC2 instances; tasks of launch type EC2 need room on one. */
  readonly containerInstances?: readonly ContainerInstance[]
}

/** A container of a task definition, in the API's own words. */
export interface ContainerDefinition {
  readonly name: string
  /** Name of an image that the double knows; the worker of this repository by default. */
  readonly image?: string
  readonly essential?: boolean
  readonly entryPoint?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: ReadonlyArray<{ readonly name: string; readonly value: string }>
  /** Seconds between SIGTERM and SIGKILL. */
  readonly stopTimeout?: number
  readonly cpu?: number
  readonly memory?: number
  readonly logConfiguration?: {
    readonly logDriver: 'awslogs'
    readonly options: Readonly<Record<string, string>>
  }
}

/** A task definition. Each call with the same family is a further revision. */
export interface TaskDefinitionSpec {
  readonly family: string
  readonly containers: readonly ContainerDefinition[]
  readonly networkMode?: 'awsvpc' | 'bridge' | 'host' | 'none'
  readonly requiresCompatibilities?: ReadonlyArray<'FARGATE' | 'EC2'>
  readonly cpu?: string
  readonly memory?: string
  readonly taskRoleArn?: string
  readonly executionRoleArn?: string
  readonly tags?: ReadonlyArray<{ readonly key: string; readonly value: string }>
}

/** A task definition with its place. */
export interface TaskDefinition extends TaskDefinitionSpec {
  readonly arn: string
  readonly revision: number
  readonly registeredAt: number
  status: 'ACTIVE' | 'INACTIVE'
}

/** A cluster with its place. */
export interface Cluster extends ClusterSpec {
  readonly arn: string
}
