import type { Config } from '../config/index.ts'
import type { ExecutorTimeouts } from '../dispatch/managed-executor.ts'
import type { SchedulerTimes } from '../scheduler/scheduler-times.ts'

/** The scheduler's times, from seconds in the configuration. */
export function schedulerTimes({ scheduler }: Config): SchedulerTimes {
  return {
    leaseMs: scheduler.schedulerLease * 1000,
    sweepMs: scheduler.sweepInterval * 1000,
    heartbeatTimeoutMs: scheduler.taskInstanceHeartbeatTimeout * 1000,
    queuedTimeoutMs: scheduler.taskQueuedTimeout * 1000,
    ageingMs: scheduler.priorityAgeingInterval * 1000,
    idleMs: scheduler.idleInterval * 1000,
  }
}

/** How long calls into executors may take. */
export function executorTimeouts({ scheduler }: Config): ExecutorTimeouts {
  return { startMs: scheduler.executorStartTimeout * 1000, callMs: scheduler.executorCallTimeout * 1000 }
}
