import type { ExecutorView } from '@fairlead/executor'
import type { TaskInstanceRef } from '@fairlead/protocol'
import type { LambdaInside, LookInside } from './lambda-inside.ts'

/** What an invocation shows of itself on the page of its task instance. */
export interface InvocationFacts {
  /** AWS's id of the invocation, by which its log is found. */
  readonly requestId: string | null
  readonly function: string | null
  readonly functionArn: string | null
  readonly logGroup: string | null
  readonly link: string | null
  readonly invokedAt: string | null
  readonly deadlineAt: string | null
}

/** What the executor shows of itself. */
export function lambdaViews(lookInside: LookInside): readonly ExecutorView[] {
  return [
    {
      kind: 'taskInstance',
      id: 'invocation',
      title: 'AWS Lambda invocation',
      schema: { type: ['object', 'null'], properties: PROPERTIES },
      data: ({ executor, taskInstance, signal }) => invocationFacts(lookInside(executor), taskInstance, signal),
    },
  ]
}

const PROPERTIES = {
  requestId: { title: 'Request', type: ['string', 'null'] },
  function: { title: 'Function', type: ['string', 'null'] },
  functionArn: { title: 'ARN', type: ['string', 'null'] },
  logGroup: { title: 'Log group', type: ['string', 'null'] },
  link: { title: 'In the console', type: ['string', 'null'], format: 'uri' },
  invokedAt: { title: 'Invoked', type: ['string', 'null'] },
  deadlineAt: { title: 'Over by', type: ['string', 'null'] },
} as const

async function invocationFacts(
  inside: LambdaInside,
  { dispatchId, externalId, queue }: TaskInstanceRef,
  signal: AbortSignal,
): Promise<InvocationFacts | null> {
  const invocation = await inside.invocationOf(dispatchId)
  if (invocation === null && externalId === null) return null
  // Of one that has ended nothing is kept: its function is the one that its queue leads to.
  const { functionName, qualifier } = invocation ?? inside.targetFor(queue)
  const { functionArn, logGroup } = await inside.describe({ functionName, qualifier }, signal)
  return {
    requestId: externalId,
    function: [functionName, qualifier].filter((part) => part !== null).join(':'),
    functionArn,
    logGroup,
    link: consoleLink(functionArn),
    invokedAt: isoOf(invocation?.invokedAt),
    deadlineAt: isoOf(invocation?.deadlineAt),
  }
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

/** Address of a function in the console of AWS, by its ARN. */
function consoleLink(functionArn: string): string | null {
  const [, partition, , region, , , name] = functionArn.split(':')
  if (partition !== 'aws' || region === undefined || name === undefined) return null
  return `https://${region}.console.aws.amazon.com/lambda/home?region=${region}#/functions/${name}`
}
