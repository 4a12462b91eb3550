import { RETURN_VALUE_KEY, type TaskInstanceRef, type TaskStateReport } from '@fairlead/protocol'
import type { CallAnswer, CallOptions, TaskSession } from './execution-api-client.ts'
import type { Verdict } from './verdict.ts'

/** A verdict that the server has yet to hear, with all that a later process needs to tell it. */
export interface PendingReport {
  readonly taskInstance: TaskAddress
  readonly state: TaskStateReport
  readonly returnJson: string | null
}

/** What it takes to name a task instance to the server. */
export interface TaskAddress {
  readonly id: string
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
}

/** How the report of an outcome ended. */
export type SettleResult = { kind: 'told' } | { kind: 'refused'; message: string } | { kind: 'untold'; detail: string }

/** The verdict as the server hears it, or null when it is not to hear of it from us. */
export function pendingReport(
  taskInstance: TaskInstanceRef,
  { exit, report }: Verdict,
  endedAt: Date,
): PendingReport | null {
  if (report === null) return null
  const { id, dagId, runId, taskId, mapIndex } = taskInstance
  return {
    taskInstance: { id, dagId, runId, taskId, mapIndex },
    state: {
      state: report.state,
      end_date: endedAt.toISOString(),
      exit,
      ...(report.error === null ? {} : { error: report.error }),
    },
    returnJson: report.returnJson,
  }
}

/** Tells the server what came of a task: its return value first, since whoever waits for the task may read it at once. */
export async function settleTask(
  session: TaskSession,
  pending: PendingReport,
  options: CallOptions,
): Promise<SettleResult> {
  const { taskInstance, returnJson } = pending
  let state = pending.state
  if (returnJson !== null) {
    const stored = await session.setXCom({ ...taskInstance, key: RETURN_VALUE_KEY }, returnJson, options)
    if (stored.kind === 'unavailable') return { kind: 'untold', detail: stored.detail }
    if (stored.kind === 'refused' && stored.reason === 'rejected') state = returnValueRejected(state, stored.message)
  }
  return resultOf(await session.reportState(state, options))
}

function returnValueRejected(state: TaskStateReport, detail: string): TaskStateReport {
  const message = `The task's return value could not be stored: ${detail}. Return less, or keep it in a file and return its path.`
  return { ...state, state: 'failed', error: { name: 'ReturnValueRejected', message, stack: null } }
}

function resultOf(answer: CallAnswer): SettleResult {
  switch (answer.kind) {
    case 'done':
      return { kind: 'told' }
    case 'unavailable':
      return { kind: 'untold', detail: answer.detail }
    case 'refused':
      return { kind: 'refused', message: answer.message }
    case 'notFound':
    case 'archived':
      // The attempt was settled without us, or our first report arrived and its answer was lost.
      return { kind: 'refused', message: `the attempt is ${answer.kind === 'archived' ? 'archived' : 'unknown'}` }
  }
}
