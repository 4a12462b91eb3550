import { runWorkerHost, type WorkerHostEnd } from '@fairlead/task-runner'
import { hostSettings, type HostPlace } from './host-process.ts'
import { localSettingsSchema } from './settings.ts'

/** Whose worker host is run, and until when. */
export interface ProvidedHost {
  readonly place: HostPlace
  /** The executor's settings, as configured. */
  readonly settings: unknown
  onReady(): void
  readonly signal: AbortSignal
}

/** Runs the worker host of an executor in this process, for executors whose setting `workerHost` is `provided`. */
export function runProvidedHost({ place, settings, onReady, signal }: ProvidedHost): Promise<WorkerHostEnd> {
  const parsed = localSettingsSchema.parse(settings)
  return runWorkerHost(hostSettings(place, { ...parsed, workerHost: 'provided' }), { onReady, signal })
}
