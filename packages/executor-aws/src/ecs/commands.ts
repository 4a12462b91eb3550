import type { Executor, ExecutorCommandGroup } from '@fairlead/executor'
import type { EcsOperations } from './ecs-operations.ts'

/** `fairlead ecs …` */
export function ecsCommands(operationsOf: (executor: Executor) => EcsOperations): ExecutorCommandGroup {
  return {
    name: 'ecs',
    description: 'Look at the tasks that an executor runs on Amazon ECS.',
    commands: [
      {
        name: 'check',
        description: 'Ask ECS for everything without which no task could run.',
        run: async ({ executor, out, signal }) => {
          const findings = await operationsOf(executor).check(signal)
          for (const { about, problem } of findings)
            out(`${problem === null ? 'ok     ' : 'PROBLEM'} ${about}${said(problem)}\n`)
          return findings.every(({ problem }) => problem === null) ? 0 : 1
        },
      },
      {
        name: 'list-tasks',
        description: 'List the tasks of this executor that ECS has.',
        options: { '--all': 'also those that have stopped in the last hour' },
        run: async ({ executor, options, out, signal }) => {
          const tasks = await operationsOf(executor).list(options['all'] === true, signal)
          for (const { arn, status, verdict, dag, task } of tasks) out(`${arn} ${status} (${verdict}) ${dag}.${task}\n`)
          return 0
        },
      },
      {
        name: 'stop',
        description: 'Stop a task. Its task instance fails, and is tried again as its retries say.',
        arguments: ['<arn>'],
        options: { '--reason <text>': 'what ECS and the task instance say of it' },
        run: async ({ executor, arguments: [arn = ''], options, out, err, signal }) => {
          const { reason = 'fairlead ecs stop' } = options
          if (await operationsOf(executor).stop(arn, String(reason), signal)) {
            out(`ECS stops ${arn}.\n`)
            return 0
          }
          err(`Executor "${executor.name}" has no task ${arn}. List them with: fairlead ecs list-tasks\n`)
          return 1
        },
      },
    ],
  }
}

function said(problem: string | null): string {
  return problem === null ? '' : `: ${problem}`
}
