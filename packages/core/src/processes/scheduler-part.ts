import { timeBox } from '../dispatch/time-box.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import type { Part } from './component.ts'
import { createExecutor, warnOfDevelopment } from './executor-host.ts'
import type { Installation } from './installation.ts'
import { watchLoop } from './loop-monitor.ts'
import { executorTimeouts, schedulerTimes } from './scheduler-options.ts'
import type { WorkerAddresses } from './worker-addresses.ts'

const EXECUTOR_END_MS = 10_000

/** A scheduler over an installation, wired but not running. */
export function createScheduler(installation: Installation, addresses: WorkerAddresses): Scheduler {
  const { config, context, executors, executionTokens, log, metrics, host } = installation
  warnOfDevelopment(executors, log)
  return new Scheduler({
    context,
    executors: executors.map((executor) => createExecutor(executor, installation, addresses)),
    mintTicket: ({ id, dispatchId }) => executionTokens.createTicket({ taskInstanceId: id, dispatchId }),
    log,
    metrics,
    times: schedulerTimes(config),
    timeouts: executorTimeouts(config),
    host,
  })
}

/**
 * Runs the scheduler, woken by what other processes commit; at the end executors finish or detach what another
 * scheduler can adopt.
 */
export function runScheduler(scheduler: Scheduler, installation: Installation, signal: AbortSignal): Part {
  const { log, environment } = installation
  void watchLoop({ dispatcher: scheduler.dispatcher, clock: environment.clock, log }, signal)
  return {
    finished: runWoken(scheduler, installation, signal),
    close: async () => {
      await endExecutors(scheduler, installation)
      await scheduler.release().catch((error: unknown) => log.warn('scheduler lease could not be released', { error }))
    },
  }
}

async function runWoken(scheduler: Scheduler, { database, log }: Installation, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const news = database.listen(
    {
      onNews: () => scheduler.wake(),
      onProblem: (error) => log.warn('commits of other processes are not heard of for now', { error }),
    },
    AbortSignal.any([signal, ended.signal]),
  )
  try {
    await scheduler.run(signal)
  } finally {
    ended.abort(new Error('The scheduler has ended.'))
    await news
  }
}

async function endExecutors(scheduler: Scheduler, { environment, log }: Installation): Promise<void> {
  await Promise.all(
    [...scheduler.dispatcher.executors.values()].map(async ({ executor }) => {
      const ended = await timeBox(environment.clock, EXECUTOR_END_MS, (signal) => executor.end(signal))
      if (ended.kind !== 'answered')
        log.warn('executor did not end cleanly', { executor: executor.name, how: ended.kind })
    }),
  )
}
