import type { RetryPolicy, TaskSpec } from '@fairlead/protocol'
import { DEFAULT_POOL, DEFAULT_QUEUE, EXECUTOR_NEEDS, TRIGGER_RULES, WEIGHT_RULES } from '@fairlead/protocol/constants'
import { millisecondsOf, type Duration } from './duration.ts'
import { executorChainOf } from './executor-chain.ts'
import { jsonProblem } from './json.ts'
import { checkOptionNames, optionError, type OptionOwner } from './option-error.ts'
import type { TaskOptions } from './options.ts'
import type { PlacedTask } from './placed-task.ts'

const DEFAULTS = {
  triggerRule: 'all_success',
  retries: 0,
  retryDelay: { minutes: 5 },
  retryBackoff: 1,
  maxRetryDelay: { days: 1 },
  retryJitter: 0,
  priorityWeight: 1,
  weightRule: 'downstream',
  pool: DEFAULT_POOL,
  poolSlots: 1,
  queue: DEFAULT_QUEUE,
  setup: false,
} as const satisfies TaskOptions

type FilledOptions = TaskOptions & Required<{ [K in keyof typeof DEFAULTS]: Exclude<TaskOptions[K], undefined> }>

const NAMES: Record<keyof TaskOptions, true> = {
  triggerRule: true,
  retries: true,
  retryDelay: true,
  retryBackoff: true,
  maxRetryDelay: true,
  retryJitter: true,
  retryWhen: true,
  executionTimeout: true,
  priorityWeight: true,
  weightRule: true,
  pool: true,
  poolSlots: true,
  maxActiveTisPerDag: true,
  maxActiveTisPerDagrun: true,
  queue: true,
  executor: true,
  executorFallback: true,
  executorConfig: true,
  needs: true,
  setup: true,
}

/** One task as data. Refuses options out of range. */
export function taskSpecOf(dagId: string, task: PlacedTask, shared: TaskOptions): TaskSpec {
  const options: FilledOptions = { ...DEFAULTS, ...definedOf(shared), ...definedOf(task.options) }
  const name = `task "${task.taskId}" in Dag "${dagId}"`
  const owner: OptionOwner = { code: 'TASK_OPTION_INVALID', name, location: task.location }
  checkOptionNames(owner, options, NAMES)
  checkOptions(owner, options)
  return {
    taskId: task.taskId,
    program: task.program,
    inputs: task.inputs.map((input) => ({ ...input })),
    upstream: [...task.upstream],
    triggerRule: options.triggerRule,
    isSetup: options.setup,
    retry: retryPolicyOf(options),
    executionTimeoutMs: options.executionTimeout === undefined ? null : millisecondsOf(options.executionTimeout),
    priorityWeight: options.priorityWeight,
    weightRule: options.weightRule,
    pool: options.pool,
    poolSlots: options.poolSlots,
    maxActiveTisPerDag: options.maxActiveTisPerDag ?? null,
    maxActiveTisPerDagrun: options.maxActiveTisPerDagrun ?? null,
    queue: options.queue,
    ...executorChainOf(owner, options),
    ...(options.executorConfig === undefined ? {} : { executorConfig: options.executorConfig }),
    ...(options.needs === undefined || options.needs.length === 0 ? {} : { needs: [...options.needs] }),
    isolation: null,
    location: task.location,
  }
}

function checkOptions(owner: OptionOwner, options: FilledOptions): void {
  const { retries, retryBackoff, retryJitter, priorityWeight, executorConfig } = options
  const isDuration = (duration: Duration): boolean => millisecondsOf(duration) !== null
  const rules: [keyof TaskOptions, boolean, string][] = [
    ['triggerRule', TRIGGER_RULES.includes(options.triggerRule), `one of ${TRIGGER_RULES.join(', ')}`],
    ['retries', Number.isSafeInteger(retries) && retries >= 0, 'a whole number, 0 or more'],
    ['retryDelay', isDuration(options.retryDelay), 'a duration such as { minutes: 5 }'],
    ['retryBackoff', Number.isFinite(retryBackoff) && retryBackoff >= 1, 'a factor of 1 or more'],
    ['maxRetryDelay', isDuration(options.maxRetryDelay), 'a duration such as { hours: 1 }'],
    ['retryJitter', retryJitter >= 0 && retryJitter <= 1, 'a share from 0 to 1'],
    ['executionTimeout', isTimeout(options.executionTimeout), 'a duration such as { minutes: 30 }'],
    ['priorityWeight', Number.isSafeInteger(priorityWeight), 'a whole number'],
    ['weightRule', WEIGHT_RULES.includes(options.weightRule), `one of ${WEIGHT_RULES.join(', ')}`],
    ['pool', typeof options.pool === 'string' && options.pool !== '', 'the name of a pool'],
    ['poolSlots', isCount(options.poolSlots), 'a whole number, 1 or more'],
    ['maxActiveTisPerDag', isCount(options.maxActiveTisPerDag ?? 1), 'a whole number, 1 or more'],
    ['maxActiveTisPerDagrun', isCount(options.maxActiveTisPerDagrun ?? 1), 'a whole number, 1 or more'],
    ['needs', areNeeds(options.needs), `a list of ${EXECUTOR_NEEDS.join(', ')}`],
    ['executorConfig', isPlain(executorConfig), 'values that JSON can hold'],
  ]
  const broken = rules.find(([, isKept]) => !isKept)
  if (broken !== undefined) throw optionError(owner, broken[0], options[broken[0]], broken[2])
}

function isTimeout(timeout: Duration | undefined): boolean {
  return timeout === undefined || (millisecondsOf(timeout) ?? 0) > 0
}

function areNeeds(needs: TaskOptions['needs']): boolean {
  return needs === undefined || (Array.isArray(needs) && needs.every((need) => EXECUTOR_NEEDS.includes(need)))
}

function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count > 0
}

function isPlain(executorConfig: unknown): boolean {
  return executorConfig === undefined || jsonProblem(executorConfig, 'executorConfig') === null
}

function retryPolicyOf(options: FilledOptions): RetryPolicy {
  return {
    retries: options.retries,
    delayMs: millisecondsOf(options.retryDelay) ?? 0,
    backoff: options.retryBackoff,
    maxDelayMs: millisecondsOf(options.maxRetryDelay) ?? 0,
    jitter: options.retryJitter,
  }
}

function definedOf(options: TaskOptions): TaskOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
