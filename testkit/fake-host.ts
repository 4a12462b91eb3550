import type { ExecutorClock, ExecutorEvent, ExecutorHost, ExecutorStore } from '@fairlead/executor'
import { ManualClock } from './manual-clock.ts'

/** What a test may say of the host; the rest has defaults. */
export interface FakeHostOptions extends Partial<Omit<ExecutorHost, 'report' | 'gauge' | 'log' | 'clock'>> {
  readonly clock?: ExecutorClock
  /** Called for each report, for a harness that wakes on it. */
  readonly onReport?: (event: ExecutorEvent) => void
}

/** A host outside any server, and what was said to it. */
export interface FakeHost {
  readonly host: ExecutorHost
  readonly reported: ExecutorEvent[]
  readonly gauges: Map<string, number>
  readonly logged: Array<{ level: string; message: string; fields: Record<string, unknown> }>
}

/** Makes a {@link FakeHost}. */
export function fakeExecutorHost(options: FakeHostOptions = {}): FakeHost {
  const { onReport, ...given } = options
  const reported: ExecutorEvent[] = []
  const gauges = new Map<string, number>()
  const logged: FakeHost['logged'] = []
  const logger =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      void logged.push({ level, message, fields })
  const host: ExecutorHost = {
    name: 'fake',
    settings: {},
    parallelism: 32,
    apiUrl: 'http://127.0.0.1:1',
    runFolder: '/nonexistent/run',
    logFolder: '/nonexistent/logs',
    bundleFolder: '/nonexistent/bundles',
    store: memoryStore(),
    log: { debug: logger('debug'), info: logger('info'), warn: logger('warn'), error: logger('error') },
    clock: new ManualClock(),
    ...given,
    report: (event) => {
      reported.push(event)
      onReport?.(event)
    },
    gauge: (name, value) => void gauges.set(name, value),
  }
  return { host, reported, gauges, logged }
}

/** An executor's own rows, in memory; it outlives the instances that use it. */
export function memoryStore(): ExecutorStore {
  const rows = new Map<string, unknown>()
  return {
    get: async (key) => rows.get(key) ?? null,
    set: async (key, value) => void rows.set(key, value),
    delete: async (key) => void rows.delete(key),
    list: async (prefix) => [...rows].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value })),
  }
}
