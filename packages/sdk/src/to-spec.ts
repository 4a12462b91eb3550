import type { DagSpec, RetryPolicy, Schedule, TaskSpec } from '@fairlead/protocol'
import { DEFAULT_QUEUE, TRIGGER_RULES } from '@fairlead/protocol/constants'
import { millisecondsOf, type Duration } from './duration.ts'
import { AuthorError } from './errors.ts'
import { jsonProblem } from './json.ts'
import type { DagOptions, ScheduleOption, TaskOptions } from './options.ts'
import type { PlacedTask } from './placed-task.ts'
import { topologicalOrder } from './topological-order.ts'

/** A Dag as its author left it. */
export interface AuthoredGraph {
  readonly dagId: string
  readonly options: DagOptions
  readonly tasks: readonly PlacedTask[]
  readonly location: string | null
}

const RETRY_DELAY: Duration = { minutes: 5 }
const MAX_RETRY_DELAY: Duration = { days: 1 }

const PRESETS: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@quarterly': '0 0 1 */3 *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

/** The Dag as data. Refuses a cycle and options out of range. */
export function toSpec(graph: AuthoredGraph): DagSpec {
  const { options } = graph
  const order = topologicalOrder(graph.tasks)
  if (order.kind === 'cycle') {
    throw new AuthorError(
      'DAG_CYCLE',
      `Dag "${graph.dagId}" has a cycle: ${order.path.join(' → ')}. Remove one of these edges.`,
      graph.tasks.find((task) => task.taskId === order.path[0])?.location ?? graph.location,
    )
  }
  return {
    dagId: graph.dagId,
    description: options.description ?? null,
    tags: [...(options.tags ?? [])],
    schedule: scheduleOf(graph, options.schedule ?? null),
    startDate: dateOf(graph, 'startDate', options.startDate),
    endDate: dateOf(graph, 'endDate', options.endDate),
    catchup: options.catchup ?? false,
    maxActiveRuns: countOf(graph, 'maxActiveRuns', options.maxActiveRuns),
    maxActiveTasks: countOf(graph, 'maxActiveTasks', options.maxActiveTasks),
    isPausedUponCreation: options.isPausedUponCreation ?? null,
    executor: options.executor ?? null,
    isolation: options.isolation ?? null,
    location: graph.location,
    tasks: order.tasks.map((task) => taskSpecOf(graph, task)),
  }
}

function taskSpecOf(graph: AuthoredGraph, task: PlacedTask): TaskSpec {
  const options: TaskOptions = { ...graph.options.defaultArgs, ...definedOf(task.options) }
  const check = (isValid: boolean, name: keyof TaskOptions, wanted: string): void => {
    if (!isValid) throw taskOptionError(graph, task, name, options[name], wanted)
  }
  const triggerRule = options.triggerRule ?? 'all_success'
  const priorityWeight = options.priorityWeight ?? 1
  check(TRIGGER_RULES.includes(triggerRule), 'triggerRule', `one of ${TRIGGER_RULES.join(', ')}`)
  check(Number.isSafeInteger(priorityWeight), 'priorityWeight', 'a whole number')
  const isPlain = options.executorConfig === undefined || jsonProblem(options.executorConfig, 'executorConfig') === null
  check(isPlain, 'executorConfig', 'values that JSON can hold')
  return {
    taskId: task.taskId,
    program: task.program,
    inputs: task.inputs.map((input) => ({ ...input })),
    upstream: [...task.upstream],
    triggerRule,
    isSetup: options.setup ?? false,
    retry: retryPolicyOf(graph, task, options),
    executionTimeoutMs: timeoutOf(graph, task, options.executionTimeout),
    priorityWeight,
    queue: options.queue ?? DEFAULT_QUEUE,
    executor: options.executor ?? null,
    ...(options.executorConfig === undefined ? {} : { executorConfig: options.executorConfig }),
    isolation: options.isolation ?? null,
    location: task.location,
  }
}

function retryPolicyOf(graph: AuthoredGraph, task: PlacedTask, options: TaskOptions): RetryPolicy {
  const check = (isValid: boolean, name: keyof TaskOptions, wanted: string): void => {
    if (!isValid) throw taskOptionError(graph, task, name, options[name], wanted)
  }
  const { retries = 0, retryBackoff = 1, retryJitter = 0 } = options
  const delayMs = millisecondsOf(options.retryDelay ?? RETRY_DELAY)
  const maxDelayMs = millisecondsOf(options.maxRetryDelay ?? MAX_RETRY_DELAY)
  check(Number.isSafeInteger(retries) && retries >= 0, 'retries', 'a whole number, 0 or more')
  check(Number.isFinite(retryBackoff) && retryBackoff >= 1, 'retryBackoff', 'a factor of 1 or more')
  check(retryJitter >= 0 && retryJitter <= 1, 'retryJitter', 'a share from 0 to 1')
  check(delayMs !== null, 'retryDelay', 'a duration such as { minutes: 5 }')
  check(maxDelayMs !== null, 'maxRetryDelay', 'a duration such as { hours: 1 }')
  return { retries, delayMs: delayMs ?? 0, backoff: retryBackoff, maxDelayMs: maxDelayMs ?? 0, jitter: retryJitter }
}

function timeoutOf(graph: AuthoredGraph, task: PlacedTask, timeout: Duration | undefined): number | null {
  if (timeout === undefined) return null
  const timeoutMs = millisecondsOf(timeout)
  if (timeoutMs !== null && timeoutMs > 0) return timeoutMs
  throw taskOptionError(graph, task, 'executionTimeout', timeout, 'a duration such as { minutes: 30 }')
}

function scheduleOf(graph: AuthoredGraph, schedule: ScheduleOption): Schedule {
  if (schedule === null) return { kind: 'manual' }
  if (typeof schedule === 'object') {
    return { kind: 'cron', expression: PRESETS[schedule.cron] ?? schedule.cron, timezone: schedule.timezone }
  }
  if (schedule === '@once') return { kind: 'once' }
  const expression = PRESETS[schedule] ?? schedule
  if (!expression.startsWith('@')) return { kind: 'cron', expression, timezone: 'UTC' }
  throw dagOptionError(graph, 'schedule', schedule, `a cron expression, @once, or one of ${Object.keys(PRESETS).join(', ')}`)
}

function dateOf(graph: AuthoredGraph, name: 'startDate' | 'endDate', date: Date | string | undefined): number | null {
  if (date === undefined) return null
  const time = typeof date === 'string' ? Date.parse(date) : date.getTime()
  if (Number.isSafeInteger(time)) return time
  throw dagOptionError(graph, name, date, 'a Date, or ISO 8601 text such as "2026-01-01T00:00:00Z"')
}

function countOf(graph: AuthoredGraph, name: 'maxActiveRuns' | 'maxActiveTasks', count = 16): number {
  if (Number.isSafeInteger(count) && count > 0) return count
  throw dagOptionError(graph, name, count, 'a whole number, 1 or more')
}

function dagOptionError(graph: AuthoredGraph, name: string, value: unknown, wanted: string): AuthorError {
  const message = `Option "${name}" of Dag "${graph.dagId}" is ${shown(value)}. Give it ${wanted}.`
  return new AuthorError('DAG_OPTION_INVALID', message, graph.location)
}

function taskOptionError(
  graph: AuthoredGraph,
  task: PlacedTask,
  name: string,
  value: unknown,
  wanted: string,
): AuthorError {
  const message = `Option "${name}" of task "${task.taskId}" in Dag "${graph.dagId}" is ${shown(value)}. Give it ${wanted}.`
  return new AuthorError('TASK_OPTION_INVALID', message, task.location)
}

function shown(value: unknown): string {
  return typeof value === 'object' ? (JSON.stringify(value) ?? 'unreadable') : String(value)
}

function definedOf(options: TaskOptions): TaskOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
