import { millisecondsOf, type Duration } from './duration.ts'
import type { DagSpec, Schedule } from '@fairlead/protocol'
import { AuthorError } from './errors.ts'
import { executorChainOf } from './executor-chain.ts'
import { checkOptionNames, optionError, type OptionOwner } from './option-error.ts'
import type { DagOptions, ScheduleOption } from './options.ts'
import type { PlacedTask } from './placed-task.ts'
import { taskSpecOf } from './task-spec.ts'
import { topologicalOrder } from './topological-order.ts'

/** A Dag as its author left it. */
export interface AuthoredGraph {
  readonly dagId: string
  readonly options: DagOptions
  readonly tasks: readonly PlacedTask[]
  readonly location: string | null
}

const DEFAULTS = {
  description: null,
  tags: [],
  schedule: null,
  catchup: false,
  maxActiveRuns: null,
  maxActiveTasks: null,
  isPausedUponCreation: null,
  defaultArgs: {},
} as const

const NAMES: Record<keyof DagOptions, true> = {
  description: true,
  schedule: true,
  startDate: true,
  endDate: true,
  catchup: true,
  maxActiveRuns: true,
  maxActiveTasks: true,
  tags: true,
  isPausedUponCreation: true,
  executor: true,
  executorFallback: true,
  defaultArgs: true,
}

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
  const { dagId, location } = graph
  const options = { ...DEFAULTS, ...graph.options }
  const owner: OptionOwner = { code: 'DAG_OPTION_INVALID', name: `Dag "${dagId}"`, location }
  checkOptionNames(owner, options, NAMES)
  return {
    dagId,
    description: options.description,
    tags: [...options.tags],
    schedule: scheduleOf(owner, options.schedule),
    startDate: dateOf(owner, 'startDate', options.startDate),
    endDate: dateOf(owner, 'endDate', options.endDate),
    catchup: options.catchup,
    maxActiveRuns: countOf(owner, 'maxActiveRuns', options.maxActiveRuns),
    maxActiveTasks: countOf(owner, 'maxActiveTasks', options.maxActiveTasks),
    isPausedUponCreation: options.isPausedUponCreation,
    ...executorChainOf(owner, options),
    isolation: null,
    location,
    tasks: orderedTasks(graph).map((task) => taskSpecOf(dagId, task, options.defaultArgs)),
  }
}

function orderedTasks({ dagId, tasks, location }: AuthoredGraph): PlacedTask[] {
  const order = topologicalOrder(tasks)
  if (order.kind === 'ordered') return order.tasks
  const message = `Dag "${dagId}" has a cycle: ${order.path.join(' → ')}. Remove one of these edges.`
  const first = tasks.find((task) => task.taskId === order.path[0])
  throw new AuthorError('DAG_CYCLE', message, first?.location ?? location)
}

function scheduleOf(owner: OptionOwner, schedule: ScheduleOption): Schedule {
  if (schedule === null) return { kind: 'manual' }
  if (schedule === '@once') return { kind: 'once' }
  if (typeof schedule === 'object' && !('cron' in schedule)) return deltaOf(owner, schedule)
  const { cron, timezone = 'UTC', dataIntervals } = typeof schedule === 'string' ? cronOf(schedule) : schedule
  const expression = PRESETS[cron] ?? cron
  if (!expression.startsWith('@')) return { kind: 'cron', expression, timezone, ...intervalsOf(dataIntervals) }
  const wanted = `a cron expression, @once, or one of ${Object.keys(PRESETS).join(', ')}`
  throw optionError(owner, 'schedule', schedule, wanted)
}

type CronOption = Extract<ScheduleOption, { readonly cron: string }>

function cronOf(cron: string): CronOption {
  return { cron }
}

function deltaOf(
  owner: OptionOwner,
  schedule: Extract<ScheduleOption, { readonly every: Duration }> | Duration,
): Schedule {
  const { every, dataIntervals } = 'every' in schedule ? schedule : { every: schedule }
  const everyMs = millisecondsOf(every)
  if (everyMs !== null && everyMs > 0) return { kind: 'delta', everyMs, ...intervalsOf(dataIntervals) }
  throw optionError(owner, 'schedule', schedule, 'a cron expression, @once, or a length of time such as { hours: 6 }')
}

/** Absent unless asked for, so that a Dag without them keeps its version. */
function intervalsOf(dataIntervals: boolean | undefined): { dataIntervals?: true } {
  return dataIntervals === true ? { dataIntervals } : {}
}

function dateOf(owner: OptionOwner, name: 'startDate' | 'endDate', date: Date | string | undefined): number | null {
  if (date === undefined) return null
  const time = typeof date === 'string' ? Date.parse(date) : date.getTime()
  if (Number.isSafeInteger(time)) return time
  throw optionError(owner, name, date, 'a Date, or ISO 8601 text such as "2026-01-01T00:00:00Z"')
}

function countOf(owner: OptionOwner, name: 'maxActiveRuns' | 'maxActiveTasks', count: number | null): number | null {
  if (count === null) return null
  if (Number.isSafeInteger(count) && count > 0) return count
  throw optionError(owner, name, count, 'a whole number, 1 or more')
}
