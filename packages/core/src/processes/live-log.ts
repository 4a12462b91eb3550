import type { LiveLog } from '../api/index.ts'
import type { TaskInstanceRow } from '../db/queries/task-instance-reads.ts'
import { refOfTaskInstance } from '../dispatch/ref-of-task-instance.ts'
import { timeBox } from '../dispatch/time-box.ts'
import type { Clock } from '../model/environment.ts'
import type { Log } from '../observability/index.ts'
import type { IdleExecutors } from './idle-executors.ts'

/** What asking for a log takes. */
export interface LiveLogSurroundings {
  readonly idle: IdleExecutors
  readonly clock: Clock
  readonly log: Log
}

const LONGEST_ANSWER_MS = 10_000

/**
 * The log of a running try from its executor, which alone has it when its workers write elsewhere. An executor that fails
 * costs the reader its own log, never the file's.
 */
export async function liveLogOf({ idle, clock, log }: LiveLogSurroundings, row: TaskInstanceRow): Promise<LiveLog> {
  const loaded = idle.loaded(row.executor)
  const ref = refOfTaskInstance(row)
  if (loaded === undefined || ref === null) return NO_NOTE
  if (row.state === 'running') {
    const asked = await timeBox(clock, LONGEST_ANSWER_MS, async () =>
      idle.executor(row.executor).getTaskLog(ref, row.try_number),
    )
    if (asked.kind === 'answered' && asked.value !== null) return { kind: 'live', stream: asked.value }
    if (asked.kind !== 'answered') {
      const why = asked.kind === 'timedOut' ? `it did not answer within ${asked.afterMs} ms` : String(asked.error)
      log.warn('executor could not show a log', { executor: row.executor, dispatchId: ref.dispatchId, why })
      const note = `Executor "${row.executor}" could not show the log of this try: ${why}.`
      return { kind: 'file', note, isFailure: true }
    }
  }
  if (loaded.executorClass.servesLogs) return NO_NOTE
  const note = `Executor "${row.executor}" keeps its logs where it runs: this server has none of this try.`
  return { kind: 'file', note, isFailure: false }
}

const NO_NOTE: LiveLog = { kind: 'file', note: null, isFailure: false }
