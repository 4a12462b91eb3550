import * as Ecs from '@aws-sdk/client-ecs'
import { STAGE, type Answers, type Place, type SetRequest } from '../set-request.ts'

/** Requests to ecs, good and bad. */
export function ecsRequests(): readonly SetRequest[] {
  const { cluster, family, container } = STAGE
  const run = (place: Place, more: Partial<Ecs.RunTaskCommandInput> = {}): Promise<object> =>
    place.ecs.send(
      new Ecs.RunTaskCommand({
        cluster,
        taskDefinition: family,
        launchType: 'FARGATE',
        networkConfiguration: {
          awsvpcConfiguration: { subnets: [place.subnet], securityGroups: [place.securityGroup] },
        },
        overrides: {
          containerOverrides: [{ name: container, command: ['sleep 60'], environment: [{ name: 'A', value: '1' }] }],
        },
        startedBy: 'fairlead/1',
        tags: [{ key: 'team', value: 'data' }],
        clientToken: 'token-1',
        ...more,
      }),
    )
  const taskOf = (earlier: Answers): string =>
    (earlier.get('run a task') as Ecs.RunTaskCommandOutput).tasks?.[0]?.taskArn ?? ''
  const describe = (place: Place, tasks: string[], more: object = {}): Promise<object> =>
    place.ecs.send(new Ecs.DescribeTasksCommand({ cluster, tasks, ...more }))
  return [
    {
      operation: 'ecs:DescribeClusters',
      title: 'describe a cluster, and one that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.DescribeClustersCommand({ clusters: [cluster, 'nowhere'] })),
    },
    {
      operation: 'ecs:DescribeTaskDefinition',
      title: 'describe a task definition',
      send: ({ ecs }) => ecs.send(new Ecs.DescribeTaskDefinitionCommand({ taskDefinition: family })),
    },
    {
      operation: 'ecs:DescribeTaskDefinition',
      title: 'describe a task definition that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.DescribeTaskDefinitionCommand({ taskDefinition: 'nothing' })),
    },
    { operation: 'ecs:RunTask', title: 'run a task', send: (place) => run(place) },
    {
      operation: 'ecs:RunTask',
      title: 'use a token again for something else',
      send: (place) => run(place, { startedBy: 'fairlead/2' }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'run in a cluster that is not there',
      send: (place) => run(place, { cluster: 'nowhere', clientToken: 'token-2' }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'run a definition that is not there',
      send: (place) => run(place, { taskDefinition: 'nothing', clientToken: 'token-3' }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'override too much',
      send: (place) =>
        run(place, {
          overrides: { containerOverrides: [{ name: container, command: ['x'.repeat(8192)] }] },
          clientToken: 'token-4',
        }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'override a container that is not there',
      send: (place) => run(place, { overrides: { containerOverrides: [{ name: 'other' }] }, clientToken: 'token-5' }),
    },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe a running task with its tags',
      send: (place, earlier) => describe(place, [taskOf(earlier)], { include: ['TAGS'] }),
      until: (answer) => {
        const { tasks = [] } = answer as Ecs.DescribeTasksCommandOutput
        return !['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(tasks[0]?.lastStatus ?? '')
      },
    },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe a task that is not there',
      send: (place) => describe(place, ['0'.repeat(32)]),
    },
    { operation: 'ecs:DescribeTasks', title: 'describe no tasks', send: (place) => describe(place, []) },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe 101 tasks',
      send: (place) =>
        describe(
          place,
          Array.from({ length: 101 }, (_, index) => String(index).padStart(32, '0')),
        ),
    },
    {
      operation: 'ecs:ListTasks',
      title: 'list tasks by who started them',
      send: ({ ecs }) => ecs.send(new Ecs.ListTasksCommand({ cluster, startedBy: 'fairlead/1' })),
    },
    {
      operation: 'ecs:ListTasks',
      title: 'list tasks of a cluster that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.ListTasksCommand({ cluster: 'nowhere' })),
    },
    {
      operation: 'ecs:StopTask',
      title: 'stop a task',
      send: ({ ecs }, earlier) =>
        ecs.send(new Ecs.StopTaskCommand({ cluster, task: taskOf(earlier), reason: 'enough' })),
    },
    {
      operation: 'ecs:StopTask',
      title: 'stop a task that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.StopTaskCommand({ cluster, task: '0'.repeat(32) })),
    },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe a stopped task',
      send: (place, earlier) => describe(place, [taskOf(earlier)]),
      until: (answer) => (answer as Ecs.DescribeTasksCommandOutput).tasks?.[0]?.lastStatus === 'STOPPED',
    },
    {
      operation: 'ecs:ListTasks',
      title: 'list stopped tasks',
      send: ({ ecs }) =>
        ecs.send(new Ecs.ListTasksCommand({ cluster, startedBy: 'fairlead/1', desiredStatus: 'STOPPED' })),
    },
  ]
}
