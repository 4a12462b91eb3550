import { failureOf } from '../shared/aws-failure.ts'
import type { FunctionTarget, LambdaApi, AsyncPolicy, FunctionFacts } from './lambda-api.ts'
import type { LambdaSettings } from './lambda-settings.ts'
import type { QueueApi } from './queue-api.ts'

/** One thing that was looked at. */
export interface HealthItem {
  readonly subject: string
  /** What is wrong and what to do, or null. */
  readonly problem: string | null
  /** What works, and could be better; null for nothing. */
  readonly advice: string | null
}

/** What the health check looks at. */
export interface HealthFacts {
  readonly settings: LambdaSettings
  /** Every function that a task can come to without a word of its own. */
  readonly targets: readonly FunctionTarget[]
}

/**
 * Proves that functions can be invoked, that Lambda will not run a task twice, and that ends can be heard of, and says
 * which of it is wrong. Nothing is invoked. Throws what leaves everything unknown: no credentials, no answer.
 */
export async function checkLambda(
  { lambda, queues }: { readonly lambda: LambdaApi; readonly queues: QueueApi },
  { settings, targets }: HealthFacts,
  signal: AbortSignal,
): Promise<readonly HealthItem[]> {
  const { resultQueueUrl, deadLetterQueueUrl } = settings
  const urls = [...new Set([resultQueueUrl, deadLetterQueueUrl].filter((url) => url !== undefined))]
  const items = await Promise.all([
    ...targets.map((target) => checkFunction(lambda, target, { settings, signal })),
    ...urls.map((url) => checkQueue(queues, url, signal)),
  ])
  return [...items.flat(), ...(resultQueueUrl === undefined ? [NO_QUEUE] : [])]
}

const NO_QUEUE: HealthItem = {
  subject: 'queue of results',
  problem: null,
  advice:
    'No "resultQueueUrl" is set: the end of a task is known from the API at once, and its slot is free at the deadline alone. ' +
    'Create an SQS queue for this executor.',
}

interface Circumstances {
  readonly settings: LambdaSettings
  readonly signal: AbortSignal
}

async function checkFunction(
  api: LambdaApi,
  target: FunctionTarget,
  { settings, signal }: Circumstances,
): Promise<readonly HealthItem[]> {
  const name = nameOf(target)
  const subject = `function ${name}`
  const facts = await answered(() => api.describe(target, signal))
  if (facts.kind === 'refused') {
    const problem = `The function "${name}" cannot be read (lambda:GetFunctionConfiguration): ${facts.detail}`
    return [{ subject, problem, advice: null }]
  }
  const policy = await answered(() => api.asyncPolicy(target, signal))
  const invocable = await answered(() => api.tryInvoke(target, signal))
  return [
    { subject, problem: problemOfFunction(name, facts.value), advice: null },
    {
      subject: `asynchronous invocation of ${name}`,
      problem:
        policy.kind === 'refused'
          ? `How events of function "${name}" are treated cannot be read (lambda:GetFunctionEventInvokeConfig): ${policy.detail}`
          : problemOfPolicy(target, policy.value, settings.longestEventAgeSeconds),
      advice: null,
    },
    {
      subject: `permission lambda:InvokeFunction on ${name}`,
      problem: invocable.kind === 'refused' ? `The function "${name}" cannot be invoked: ${invocable.detail}` : null,
      advice: null,
    },
  ]
}

/** What keeps a function from running tasks, or null. */
export function problemOfFunction(name: string, { state, stateReason }: FunctionFacts): string | null {
  // One that nobody used for long is set aside, and comes back when it is invoked.
  if (state === null || state === 'Active' || state === 'Inactive') return null
  return `The function "${name}" is ${state}${stateReason === null ? '' : ` (${stateReason})`}, and runs nothing. Mend it, or wait.`
}

/** What Lambda would do with events that must not be, or null. */
export function problemOfPolicy(
  target: FunctionTarget,
  policy: AsyncPolicy | null,
  longestEventAgeSeconds: number,
): string | null {
  const name = nameOf(target)
  const qualifier = target.qualifier === null ? '' : ` --qualifier ${target.qualifier}`
  const command =
    `aws lambda put-function-event-invoke-config --function-name ${target.functionName}${qualifier} ` +
    `--maximum-retry-attempts 0 --maximum-event-age-in-seconds ${Math.min(3600, longestEventAgeSeconds)}`
  if (policy === null)
    return `Nothing says how events of function "${name}" are treated, so that AWS Lambda runs failed ones up to three times. Run: ${command}`
  const { maximumRetryAttempts, maximumEventAgeMs } = policy
  if (maximumRetryAttempts !== 0)
    return `AWS Lambda would run failed events of function "${name}" up to ${maximumRetryAttempts} more times; retries are the task's own. Run: ${command}`
  if (maximumEventAgeMs > longestEventAgeSeconds * 1000)
    return `An event of function "${name}" may wait for ${maximumEventAgeMs / 1000} s, and "longestEventAgeSeconds" is ${longestEventAgeSeconds}. Run: ${command}`
  return null
}

async function checkQueue(api: QueueApi, url: string, signal: AbortSignal): Promise<readonly HealthItem[]> {
  const attributes = await answered(() => api.attributes(url, signal))
  const received = await answered(() => api.hide(url, NO_RECEIPT, 0, signal))
  const isDenied = received.kind === 'refused' && DENIALS.has(received.code)
  return [
    {
      subject: `queue ${url}`,
      problem:
        attributes.kind === 'refused'
          ? `The queue ${url} cannot be read (sqs:GetQueueAttributes): ${attributes.detail}`
          : null,
      advice: null,
    },
    {
      subject: `permission sqs:ChangeMessageVisibility on ${url}`,
      problem: isDenied && attributes.kind === 'answered' ? `Messages cannot be put aside: ${received.detail}` : null,
      advice: null,
    },
  ]
}

type Answered<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }

/** A refusal is a finding; anything else that is not the request's own fault leaves everything unknown. */
async function answered<T>(ask: () => Promise<T>): Promise<Answered<T>> {
  try {
    return { kind: 'answered', value: await ask() }
  } catch (error) {
    const { kind, detail } = failureOf(error)
    if (kind !== 'permanent') throw error
    return { kind: 'refused', code: error instanceof Error ? error.name : '', detail }
  }
}

function nameOf({ functionName, qualifier }: FunctionTarget): string {
  return qualifier === null ? functionName : `${functionName}:${qualifier}`
}

const DENIALS = new Set(['AccessDenied', 'AccessDeniedException'])
/** No message has it: to ask with it changes nothing. */
const NO_RECEIPT = 'fairlead-asks-whether-it-may'
