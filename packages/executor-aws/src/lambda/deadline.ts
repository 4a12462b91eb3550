import type { KnownFunction } from './function-book.ts'

/**
 * The last moment at which anything of an invocation can still run, with some slack: it may lie in Lambda's queue for the
 * maximum age, and then run for the function's timeout, once more for each retry.
 */
export function deadlineOf(invokedAt: number, { facts, policy }: KnownFunction, slackMs: number): number {
  const runs = 1 + policy.maximumRetryAttempts
  const pausesMs = policy.maximumRetryAttempts * LONGEST_RETRY_PAUSE_MS
  return invokedAt + policy.maximumEventAgeMs + runs * facts.timeoutMs + pausesMs + slackMs
}

/** Why a task cannot run to its end in a function, or null. A task without a timeout has that of the function. */
export function misfitOf(executionTimeoutMs: number | null, functionName: string, timeoutMs: number): string | null {
  if (executionTimeoutMs === null || executionTimeoutMs + START_MS <= timeoutMs) return null
  return (
    `The task may run for ${executionTimeoutMs} ms, and function "${functionName}" is ended after ${timeoutMs} ms, of which ` +
    `the worker needs ${START_MS}. Raise the timeout of the function, up to 15 minutes, or lower that of the task.`
  )
}

/** What a worker needs beside the task: to fetch it, and to tell its end. */
const START_MS = 2000
/** Lambda waits one minute before the first retry, and two before the second. */
const LONGEST_RETRY_PAUSE_MS = 120_000
