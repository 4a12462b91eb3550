import { z } from 'zod'
import {
  EXECUTOR_STATUSES,
  overviewOfExecutors,
  slotsOf,
  type ExecutorInScheduler,
  type ExecutorOverview,
} from '../../dispatch/executor-overview.ts'
import type { ExecutorCondition } from '../../model/executor-state.ts'
import type { Routes } from '../api-context.ts'
import { isoOf, wireMoment } from './wire.ts'

/** Where an executor stands, in one word. */
export const executorStatus = z.enum(EXECUTOR_STATUSES)

const condition = {
  status: executorStatus,
  since: wireMoment,
  reason: z.string().nullable(),
  failures: z.int(),
  next_try_at: wireMoment,
}

const failureSchema = z
  .object({ at: z.string(), method: z.string(), how: z.enum(['threw', 'timedOut', 'blocked']), reason: z.string() })
  .meta({ id: 'ExecutorFailure' })

const inSchedulerSchema = z
  .object({
    scheduler_id: z.string(),
    hostname: z.string(),
    pid: z.int(),
    ...condition,
    last_failure: failureSchema.nullable(),
    parallelism: z.int(),
    held: z.int(),
    updated_at: z.string(),
  })
  .meta({ id: 'ExecutorInScheduler' })

const executorSchema = z
  .object({
    name: z.string(),
    class_name: z.string().nullable(),
    is_default: z.boolean(),
    is_production: z.boolean().nullable(),
    is_local: z.boolean().nullable(),
    supports_callbacks: z.boolean().nullable(),
    supports_ad_hoc_ti_run: z.boolean().nullable(),
    ...condition,
    last_failure: failureSchema.nullable(),
    parallelism: z.int(),
    occupied_slots: z.int(),
    open_slots: z.int(),
    waiting: z.int(),
    queued: z.int(),
    running: z.int(),
    stopping: z.int(),
    drain: z
      .object({ to: z.string().nullable(), move_running: z.boolean(), since: z.string(), moved: z.int() })
      .nullable(),
    remarks: z.array(z.string()),
    schedulers: z.array(inSchedulerSchema),
  })
  .meta({ id: 'ExecutorResponse' })

/** Fairlead's own routes: the executors, how they fare in each scheduler, and how full they are. */
export const executorRoutes: Routes = (app, context) => {
  app.get(
    '/executors',
    {
      schema: {
        tags: ['Executor'],
        response: {
          200: z
            .object({ executors: z.array(executorSchema), total_entries: z.int() })
            .meta({ id: 'ExecutorCollectionResponse' }),
        },
      },
    },
    async () => {
      const { database, environment } = context.moves
      const found = await overviewOfExecutors(database, context.executors, environment.clock.now())
      return { executors: found.map(executorToWire), total_entries: found.length }
    },
  )
}

/** An executor as the API shows it. */
function executorToWire(executor: ExecutorOverview): z.infer<typeof executorSchema> {
  const { work, drain } = executor
  return {
    name: executor.name,
    is_default: executor.isDefault,
    ...factsToWire(executor.facts),
    ...stateToWire(executor.state),
    last_failure: failureToWire(executor.lastFailure),
    parallelism: executor.parallelism,
    occupied_slots: slotsOf(work),
    open_slots: executor.openSlots,
    ...work,
    drain: drain === null ? null : drainToWire(drain),
    remarks: [...executor.remarks],
    schedulers: executor.schedulers.map(inSchedulerToWire),
  }
}

function factsToWire(facts: ExecutorOverview['facts']) {
  if (facts === null) return NO_FACTS
  return {
    class_name: facts.className,
    is_production: facts.isProduction,
    is_local: facts.isLocal,
    supports_callbacks: facts.supportsCallbacks,
    supports_ad_hoc_ti_run: facts.supportsAdHocTiRun,
  }
}

const NO_FACTS = {
  class_name: null,
  is_production: null,
  is_local: null,
  supports_callbacks: null,
  supports_ad_hoc_ti_run: null,
}

function drainToWire({ to, moveRunning, since, moved }: NonNullable<ExecutorOverview['drain']>) {
  return { to, move_running: moveRunning, since: isoOf(since), moved }
}

function inSchedulerToWire(one: ExecutorInScheduler): z.infer<typeof inSchedulerSchema> {
  return {
    scheduler_id: one.schedulerId,
    hostname: one.hostname,
    pid: one.pid,
    ...stateToWire(one.condition),
    last_failure: failureToWire(one.lastFailure),
    parallelism: one.parallelism,
    held: one.held,
    updated_at: isoOf(one.updatedAt),
  }
}

function stateToWire(state: ExecutorOverview['state'] | ExecutorCondition) {
  const plain = { status: state.kind, since: null, reason: null, failures: 0, next_try_at: null }
  switch (state.kind) {
    case 'nowhere':
    case 'unconfigured':
      return plain
    case 'degraded':
      return {
        ...plain,
        since: isoOf(state.since),
        reason: state.reason,
        failures: state.failures,
        next_try_at: isoOf(state.nextTryAt),
      }
    case 'draining':
    case 'starting':
    case 'healthy':
    case 'stopped':
      return { ...plain, since: isoOf(state.since) }
    default:
      return state satisfies never
  }
}

function failureToWire(failure: ExecutorOverview['lastFailure']): z.infer<typeof failureSchema> | null {
  if (failure === null) return null
  return { at: isoOf(failure.at), method: failure.member, how: failure.how, reason: failure.reason }
}
