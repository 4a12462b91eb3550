import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutorClock, ExecutorEvent, ExecutorHost, ExecutorStore } from '../executor.ts'

/** Everything that an executor said to its host, whichever instance said it. */
export class HostRecord {
  readonly reported: ExecutorEvent[] = []
  readonly lines: Array<{ readonly level: string; readonly message: string; readonly fields: unknown }> = []
  readonly gauges: Map<string, number> = new Map()
  readonly rows: Map<string, string> = new Map()
  /** Everything written into the store so far, as text; a row that was deleted was still written. */
  readonly written: string[] = []
}

/** Facts of the host that a trial chooses. */
export interface HostFacts extends Pick<
  ExecutorHost,
  'name' | 'settings' | 'parallelism' | 'apiUrl' | 'runFolder' | 'logFolder' | 'bundleFolder'
> {
  /** How far the executor's clock is from the true one. */
  readonly skewMs: number
}

/** The host of one instance. When `life` aborts, its store hangs and its reports are heard by nobody, as after a crash. */
export function standHost(
  { skewMs, ...facts }: HostFacts,
  record: HostRecord,
  life: AbortSignal,
  onReport: () => void,
): ExecutorHost {
  const logAt = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void record.lines.push({ level, message, fields })
  return {
    ...facts,
    clock: skewedClock(skewMs),
    log: { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') },
    store: storeOf(record, life),
    report: (event) => {
      if (life.aborted) return
      record.reported.push(event)
      onReport()
    },
    gauge: (name, value) => void record.gauges.set(name, value),
  }
}

/** Values pass as JSON text, as they do in a database. */
function storeOf(record: HostRecord, life: AbortSignal): ExecutorStore {
  const whileAlive = async <T>(call: () => T): Promise<T> => {
    await Promise.resolve()
    return life.aborted ? await new Promise<T>(() => undefined) : call()
  }
  const { rows } = record
  return {
    get: (key) => whileAlive(() => valueOf(rows.get(key))),
    set: (key, value) =>
      whileAlive(() => {
        const text = JSON.stringify(value)
        record.written.push(`${key} ${text}`)
        rows.set(key, text)
      }),
    delete: (key) => whileAlive(() => void rows.delete(key)),
    list: (prefix) =>
      whileAlive(() =>
        [...rows]
          .filter(([key]) => key.startsWith(prefix))
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, text]) => ({ key, value: JSON.parse(text) as unknown })),
      ),
  }
}

function valueOf(text: string | undefined): unknown {
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

function skewedClock(skewMs: number): ExecutorClock {
  return {
    now: () => Date.now() + skewMs,
    sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
  }
}
