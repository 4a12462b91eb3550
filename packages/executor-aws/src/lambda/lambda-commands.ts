import type { ExecutorCommandCall, ExecutorCommandGroup } from '@fairlead/executor'
import type { LambdaInside, LookInside } from './lambda-inside.ts'

/** `fairlead lambda …`. There is no `stop`: AWS Lambda stops nothing on demand. */
export function lambdaCommands(lookInside: LookInside): readonly ExecutorCommandGroup[] {
  const withInside = (run: Run) => (call: ExecutorCommandCall) => run(lookInside(call.executor), call)
  return [
    {
      name: 'lambda',
      description: 'look at what runs on AWS Lambda',
      commands: [
        {
          name: 'check',
          description: 'prove functions, queues and permissions, and that Lambda repeats nothing; say what is wrong',
          run: withInside(check),
        },
        {
          name: 'list-invocations',
          description: 'list the invocations that are waited for, with their deadlines',
          run: withInside(listInvocations),
        },
      ],
    },
  ]
}

type Run = (inside: LambdaInside, call: ExecutorCommandCall) => Promise<number>

async function check(inside: LambdaInside, call: ExecutorCommandCall): Promise<number> {
  const items = await inside.checkHealth(call.signal)
  for (const { subject, problem, advice } of items) {
    if (problem !== null) call.out(`PROBLEM ${problem}\n`)
    else call.out(advice === null ? `ok      ${subject}\n` : `note    ${advice}\n`)
  }
  return items.every(({ problem }) => problem === null) ? 0 : 1
}

async function listInvocations(inside: LambdaInside, call: ExecutorCommandCall): Promise<number> {
  const invocations = await inside.invocations()
  for (const [dispatchId, { functionName, qualifier, invokedAt, deadlineAt }] of invocations) {
    const name = qualifier === null ? functionName : `${functionName}:${qualifier}`
    call.out(`${dispatchId}  ${name}  invoked ${isoOf(invokedAt)}  over by ${isoOf(deadlineAt)}\n`)
  }
  if (invocations.size === 0) call.err('There are none.\n')
  return 0
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
