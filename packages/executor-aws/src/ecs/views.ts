import type { Executor, ExecutorView } from '@fairlead/executor'
import type { EcsOperations } from './ecs-operations.ts'

const text = (title: string, description?: string) => ({
  type: 'string',
  title,
  ...(description ? { description } : {}),
})

/** What is shown beside a task instance that runs, or ran, on ECS. */
export function taskView(operationsOf: (executor: Executor) => EcsOperations): ExecutorView {
  return {
    kind: 'taskInstance',
    id: 'task',
    title: 'ECS task',
    schema: {
      type: 'object',
      properties: {
        arn: text('ARN'),
        link: { ...text('In the console of AWS'), format: 'uri' },
        status: text('Status', 'As ECS calls it'),
        verdict: text('Verdict', 'What Fairlead makes of it'),
        stopCode: text('Stop code'),
        stoppedReason: text('Reason of the stop'),
        containerReason: text("Reason of the container's end"),
        exitCode: { type: 'integer', title: 'Exit code of the worker' },
        createdAt: { ...text('Created'), format: 'date-time' },
        startedAt: { ...text('Started'), format: 'date-time' },
        stoppedAt: { ...text('Stopped'), format: 'date-time' },
        request: { type: 'object', title: 'Request', description: 'What ECS was asked for, without secrets' },
      },
    },
    data: ({ executor, taskInstance, signal }) => operationsOf(executor).describe(taskInstance, signal),
  }
}
