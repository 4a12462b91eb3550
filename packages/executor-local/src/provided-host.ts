import { ExecutorError, type WorkerHostEnd, type WorkerHostRun } from '@fairlead/executor'
import { runWorkerHost, sentrySettingsOf } from '@fairlead/task-runner'
import { hostSettings } from './host-process.ts'
import { localSettingsSchema } from './settings.ts'

/** Runs the worker host of an executor in this process, until the signal aborts. */
export async function runProvidedHost({
  name,
  settings,
  workerEnvironment,
  onReady,
  signal,
  ...place
}: WorkerHostRun): Promise<WorkerHostEnd> {
  const parsed = localSettingsSchema.parse(settings)
  if (parsed.workerHost !== 'provided') {
    throw new ExecutorError(
      'EXECUTOR_HOST_NOT_PROVIDED',
      `Executor "${name}" starts its own worker host. Set executors.${name}.settings.workerHost to 'provided'.`,
    )
  }
  const sentry = sentrySettingsOf(workerEnvironment, process.env)
  const end = await runWorkerHost(hostSettings(place, parsed), { onReady, signal, sentry })
  return end.kind === 'taken' ? { kind: 'taken', pid: end.by.pid } : end
}
