import type { StandardSchema } from '@fairlead/executor'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { readDrains, type DrainRow } from '../db/queries/drains.ts'
import {
  readExecutorWork,
  readLiveStatuses,
  type ExecutorWork,
  type LiveStatus,
} from '../db/queries/executor-status.ts'
import {
  stateOf,
  type ExecutorCondition,
  type ExecutorDrain,
  type ExecutorFailure,
  type ExecutorState,
} from '../model/executor-state.ts'
import { parseExecutorFacts, type ExecutorFacts } from './executor-facts.ts'

/** An executor as the configuration of this process has it. */
export interface ConfiguredInstance {
  readonly name: string
  readonly parallelism: number
  readonly facts: ExecutorFacts
  /** What its class takes as a task's `executorConfig`; null for none. */
  readonly executorConfigSchema: StandardSchema | null
}

/** How an executor fares in one scheduler. */
export interface ExecutorInScheduler {
  readonly schedulerId: string
  readonly hostname: string
  readonly pid: number
  readonly condition: ExecutorCondition
  readonly lastFailure: ExecutorFailure | null
  readonly parallelism: number
  readonly held: number
  readonly updatedAt: number
}

/** Where an executor stands over all schedulers. `nowhere`: no live one has it. `unconfigured`: it is only remembered. */
export type MergedState = ExecutorState | { readonly kind: 'nowhere' } | { readonly kind: 'unconfigured' }

/** Every state an executor can be shown in, in one word each. */
export const EXECUTOR_STATUSES = [
  'starting',
  'healthy',
  'degraded',
  'draining',
  'stopped',
  'nowhere',
  'unconfigured',
] as const satisfies ReadonlyArray<MergedState['kind']>

/** All that is known about an executor. */
export interface ExecutorOverview {
  readonly name: string
  readonly isDefault: boolean
  readonly state: MergedState
  readonly parallelism: number
  /** How many more workloads it would be given now. */
  readonly openSlots: number
  readonly work: ExecutorWork
  readonly drain: (ExecutorDrain & { readonly moved: number; readonly isForced: boolean }) | null
  readonly lastFailure: ExecutorFailure | null
  readonly facts: ExecutorFacts | null
  /** What someone should know, in sentences. */
  readonly remarks: readonly string[]
  readonly schedulers: readonly ExecutorInScheduler[]
}

/** Every executor that is configured, or alive somewhere, or has work; in the order of configuration. */
export async function overviewOfExecutors(
  { read }: Database,
  configured: readonly ConfiguredInstance[],
  now: number,
): Promise<readonly ExecutorOverview[]> {
  const statuses = await readLiveStatuses(read, now)
  const work = await readExecutorWork(read)
  const drains = new Map((await readDrains(read)).map((row) => [row.executor, row]))
  const names = [...configured.map(({ name }) => name), ...statuses.map(({ executor }) => executor)]
  const all = new Set([...names, ...[...work.keys(), ...drains.keys()].toSorted()])
  return [...all].map((name) =>
    overviewOf(name, {
      configured,
      statuses: statuses.filter(({ executor }) => executor === name),
      work: work.get(name) ?? NO_WORK,
      drain: drains.get(name),
    }),
  )
}

interface Known {
  readonly configured: readonly ConfiguredInstance[]
  readonly statuses: readonly LiveStatus[]
  readonly work: ExecutorWork
  readonly drain: DrainRow | undefined
}

function overviewOf(name: string, { configured, statuses, work, drain: row }: Known): ExecutorOverview {
  const instance = configured.find((one) => one.name === name)
  const drain = row === undefined ? null : drainOf(row)
  const schedulers = statuses.map(inScheduler)
  const parallelism = Math.max(instance?.parallelism ?? 0, ...schedulers.map((one) => one.parallelism))
  const facts = instance?.facts ?? storedFacts(statuses[0])
  const state = mergedState(schedulers, drain, instance !== undefined)
  const isOpen = drain === null && schedulers.some(({ condition }) => condition.kind === 'healthy')
  return {
    name,
    isDefault: configured[0]?.name === name,
    state,
    parallelism,
    openSlots: isOpen ? Math.max(0, parallelism - slotsOf(work)) : 0,
    work,
    drain,
    lastFailure: latest(schedulers),
    facts,
    remarks: remarksOf(name, state, facts),
    schedulers,
  }
}

/** How many slots are in use. */
export function slotsOf({ queued, running, stopping }: ExecutorWork): number {
  return queued + running + stopping
}

const NO_WORK: ExecutorWork = { waiting: 0, queued: 0, running: 0, stopping: 0 }

function drainOf(row: DrainRow): NonNullable<ExecutorOverview['drain']> {
  return {
    to: row.move_to,
    moveRunning: row.move_running === 1,
    isForced: row.is_forced === 1,
    since: row.started_at,
    moved: row.moved,
  }
}

function storedFacts(status: LiveStatus | undefined): ExecutorFacts | null {
  return status === undefined ? null : parseExecutorFacts(status.facts)
}

function inScheduler(row: LiveStatus): ExecutorInScheduler {
  return {
    schedulerId: row.scheduler_id,
    hostname: row.hostname,
    pid: row.pid,
    condition: conditionSchema.parse(JSON.parse(row.condition)),
    lastFailure: row.last_failure === null ? null : failureSchema.parse(JSON.parse(row.last_failure)),
    parallelism: row.parallelism,
    held: row.held,
    updatedAt: row.updated_at,
  }
}

const WORST_FIRST = ['degraded', 'starting', 'stopped', 'healthy'] as const satisfies ReadonlyArray<
  ExecutorCondition['kind']
>

/** The worst condition of any scheduler; among several, the reason says where. */
function mergedState(
  schedulers: readonly ExecutorInScheduler[],
  drain: ExecutorDrain | null,
  isConfigured: boolean,
): MergedState {
  const rank = ({ condition }: ExecutorInScheduler): number => WORST_FIRST.indexOf(condition.kind)
  const worst = schedulers.toSorted((a, b) => rank(a) - rank(b))[0]
  if (worst === undefined) return drainOr(drain, { kind: isConfigured ? 'nowhere' : 'unconfigured' })
  const { condition, hostname, pid } = worst
  if (condition.kind !== 'degraded' || schedulers.length === 1) return stateOf(condition, drain)
  return { ...condition, reason: `${condition.reason} (in the scheduler on ${hostname}, pid ${pid})` }
}

function drainOr(drain: ExecutorDrain | null, otherwise: MergedState): MergedState {
  return drain === null
    ? otherwise
    : { kind: 'draining', to: drain.to, moveRunning: drain.moveRunning, since: drain.since }
}

function latest(schedulers: readonly ExecutorInScheduler[]): ExecutorFailure | null {
  const failures = schedulers.flatMap(({ lastFailure }) => lastFailure ?? [])
  return failures.toSorted((a, b) => b.at - a.at)[0] ?? null
}

function remarksOf(name: string, state: MergedState, facts: ExecutorFacts | null): readonly string[] {
  const remarks: string[] = []
  if (facts !== null && !facts.isProduction) remarks.push(`${facts.className} is not meant for production.`)
  if (state.kind === 'nowhere') remarks.push('It is configured, and no scheduler that is alive has it.')
  if (state.kind === 'unconfigured') {
    remarks.push(
      'It is no longer configured. Its work is kept: adopted when it returns, ' +
        `moved by \`fairlead executors drain ${name} --to OTHER\`.`,
    )
  }
  return remarks
}

const conditionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['starting', 'healthy', 'stopped']), since: z.number() }),
  z.object({
    kind: z.literal('degraded'),
    since: z.number(),
    reason: z.string(),
    failures: z.number(),
    nextTryAt: z.number().nullable(),
  }),
]) satisfies z.ZodType<ExecutorCondition>

const failureSchema = z.object({
  member: z.string(),
  how: z.enum(['threw', 'timedOut', 'blocked']),
  reason: z.string(),
  at: z.number(),
}) satisfies z.ZodType<ExecutorFailure>
