import type { TaskLog } from '@fairlead/sdk'
import { requestOf, runInTask, type AuthoredDag, type TaskRuntime } from '@fairlead/sdk/runtime'
import type { TaskError } from '@fairlead/protocol'
import type { TaskOutcome, TaskStart } from '../ipc.ts'
import type { HostLink } from './host-link.ts'
import type { TaskAbort } from './task-abort.ts'
import { taskRuntime, xcomReader } from './task-runtime.ts'
import { toJson } from './to-json.ts'

/** Runs one handler with its inputs, and says what came of it. Never rejects. */
export async function runTask(task: TaskStart, deps: TaskDeps): Promise<TaskOutcome> {
  let dag: AuthoredDag | null = null
  try {
    const inputs = resolveInputs(task, deps.host)
    // Awaited below; a bundle that does not load must not leave a second error behind.
    inputs.catch(() => undefined)
    dag = findDag(await deps.dags, task)
    const handler = dag.handlerOf(task.taskId)
    if (handler === null) throw new Error(`Task "${task.taskId}" is not in Dag "${task.dagId}" as this bundle has it.`)
    const named = { ...dag.literalsOf(task.taskId), ...(await inputs) }
    const runtime: TaskRuntime = taskRuntime(task, deps)
    const value: unknown = await runInTask(runtime, () => handler(named as never))
    return { kind: 'success', returnJson: returnJsonOf(value, task) }
  } catch (error) {
    const outcome = failure(error, task, dag)
    if (outcome.kind === 'failed') deps.onFailure?.(error)
    return outcome
  }
}

/** See {@link runTask}. */
export interface TaskDeps {
  readonly dags: Promise<AuthoredDag[]>
  readonly host: HostLink
  readonly abort: TaskAbort
  /** Where `getContext().log` writes. */
  readonly log: TaskLog
  /** Sees what a handler threw, when that fails the task. */
  readonly onFailure?: (error: unknown) => void
}

/** What an error means for the task, by its own request and the author's `retryWhen`. */
export function failure(error: unknown, task: TaskStart, dag: AuthoredDag | null): TaskOutcome {
  const request = requestOf(error)
  const described = describeError(error)
  if (request === 'skip') return { kind: 'skipped', detail: described.message }
  if (request === 'fail') return { kind: 'failed', error: described, isRetryable: false }
  try {
    const retryWhen = dag?.retryWhen(task.taskId) ?? null
    return { kind: 'failed', error: described, isRetryable: retryWhen === null || retryWhen(error) }
  } catch (thrown) {
    const { message } = describeError(thrown)
    const blamed = {
      ...described,
      message: `${described.message} (and retryWhen of task "${task.taskId}" threw: ${message})`,
    }
    return { kind: 'failed', error: blamed, isRetryable: false }
  }
}

async function resolveInputs(task: TaskStart, host: HostLink): Promise<Record<string, unknown>> {
  const pull = xcomReader(host)
  const named = task.inputs.map(async ({ name, taskId, key }) => {
    const value = await pull({ dagId: null, runId: null, taskId, mapIndex: null, key })
    return [name, value] as const
  })
  return Object.fromEntries(await Promise.all(named))
}

function findDag(dags: readonly AuthoredDag[], task: TaskStart): AuthoredDag {
  const dag = dags.find(({ dagId }) => dagId === task.dagId)
  if (dag !== undefined) return dag
  const found = dags.map(({ dagId }) => `"${dagId}"`).join(', ') || 'none'
  throw new Error(
    `The bundle has no Dag "${task.dagId}" (it has: ${found}). A Dag's id must not depend on where it is loaded.`,
  )
}

function returnJsonOf(value: unknown, task: TaskStart): string | null {
  if (value === undefined) return null
  try {
    return toJson(value, 'the value')
  } catch (error) {
    const { message } = describeError(error)
    throw new UnserialisableReturn(
      `Task "${task.taskId}" returned a value that cannot travel as JSON: ${message}. Return plain data.`,
      { cause: error },
    )
  }
}

class UnserialisableReturn extends Error {
  override readonly name = 'UnserialisableReturn'
}

function describeError(error: unknown): TaskError {
  if (!(error instanceof Error) && !isErrorLike(error)) {
    return {
      name: 'NonError',
      message: `The task threw something that is not an Error: ${safeText(error)}`,
      stack: null,
    }
  }
  const { name, message, stack } = error
  return {
    name: safeText(name),
    message: safeText(message),
    stack: typeof stack === 'string' ? withCauses(stack, error) : null,
  }
}

/** An Error of another realm, as `node:vm` makes them. */
function isErrorLike(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value
}

function withCauses(stack: string, error: Error): string {
  const lines = [stack]
  let cause: unknown = error.cause
  for (let depth = 0; cause !== undefined && depth < 5; depth += 1) {
    lines.push(`Caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : safeText(cause)}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return lines.join('\n')
}

function safeText(value: unknown): string {
  try {
    return typeof value === 'string' ? value : String(value)
  } catch {
    return 'a value that cannot be shown'
  }
}
