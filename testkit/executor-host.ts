import type { ExecutorEvent, ExecutorHost } from '@fairlead/executor'
import { setTimeout as sleep } from 'node:timers/promises'

/** A core for one executor under test: remembers events, logs and rows. */
export interface RecordingHost extends ExecutorHost {
  readonly events: readonly ExecutorEvent[]
  readonly logged: readonly { level: string; message: string; fields: Record<string, unknown> | undefined }[]
}

/** Makes an ExecutorHost that only remembers. */
export function recordingHost(
  given: Partial<ExecutorHost> & Pick<ExecutorHost, 'apiUrl' | 'runFolder'>,
): RecordingHost {
  const events: ExecutorEvent[] = []
  const logged: RecordingHost['logged'][number][] = []
  const rows = new Map<string, unknown>()
  const logAt = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void logged.push({ level, message, fields })
  return {
    name: 'local',
    settings: {},
    parallelism: 32,
    logFolder: given.runFolder,
    bundleFolder: given.runFolder,
    clock: {
      now: () => Date.now(),
      sleep: (ms, signal) => sleep(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }),
    },
    log: { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') },
    store: {
      get: async (key) => rows.get(key),
      set: async (key, value) => void rows.set(key, value),
      delete: async (key) => void rows.delete(key),
      list: async (prefix) =>
        [...rows].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value })),
    },
    report: (event) => void events.push(event),
    ...given,
    events,
    logged,
  }
}
