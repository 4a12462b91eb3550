import type { ExecuteTask } from '@fairlead/protocol'
import type { CallAnswer, CallOptions, TaskSession, XComAddress, XComAnswer } from './execution-api-client.ts'
import type { FromChild, XComPlace, XComReply } from './ipc.ts'
import type { LogWriter } from './log-writer.ts'
import { followOutput } from './process-output.ts'
import type { ProgramStart, TaskProgramRun } from './program-run.ts'
import type { RunnerProcess } from './runner-process.ts'
import { judgeHandler } from './verdict.ts'

/** A handler in a Node process that waits for its task. */
export function handlerRun(workload: ExecuteTask, process: RunnerProcess, where: HandlerPlace): TaskProgramRun {
  const output = followOutput(process, where.log, true)
  return {
    process,
    begin(start) {
      process.onMessage = (message) => {
        if (message.kind === 'outcome') start.onOutcome(message.outcome)
        else void answer(message, workload, start).then((reply) => reply && process.send(reply))
      }
      process.send({ kind: 'start', task: taskStart(workload, where.bundlePath, start) })
    },
    async outputEnd(silenceMs) {
      await Promise.all([output.end(silenceMs), process.channelEnd])
    },
    stderrTail: output.stderrTail,
    judge: judgeHandler,
    dispose: async () => undefined,
  }
}

/** Where a handler's code is and where its output goes. */
export interface HandlerPlace {
  readonly bundlePath: string
  readonly log: LogWriter
}

function taskStart({ taskInstance, inputs }: ExecuteTask, bundlePath: string, { context }: ProgramStart) {
  const { dagId, runId, taskId, mapIndex, tryNumber } = taskInstance
  return { dagId, runId, taskId, mapIndex, tryNumber, bundlePath, inputs, run: context.dag_run }
}

/** The child has no token: its host calls the API for it. */
async function answer(message: FromChild, { taskInstance }: ExecuteTask, start: ProgramStart) {
  const { session } = start
  const options: CallOptions = { budgetMs: start.apiBudgetMs, signal: start.signal }
  const complete = ({ dagId, runId, taskId, mapIndex, key }: XComPlace): XComAddress => ({
    dagId: dagId ?? taskInstance.dagId,
    runId: runId ?? taskInstance.runId,
    taskId: taskId ?? taskInstance.taskId,
    // Another task's value is not mapped unless asked for; our own is where we are.
    mapIndex: mapIndex ?? (taskId === null ? taskInstance.mapIndex : -1),
    key,
  })
  switch (message.kind) {
    case 'xcomGet':
      return reply(message.id, readReply(await session.getXCom(complete(message.address), options)))
    case 'xcomSet':
      return reply(
        message.id,
        writeReply(await session.setXCom({ ...ownPlace(taskInstance), key: message.key }, message.json, options)),
      )
    case 'xcomDelete':
      return reply(message.id, writeReply(await session.deleteXCom(complete(message.address), options)))
    default:
      return null
  }
}

function ownPlace({ dagId, runId, taskId, mapIndex }: ExecuteTask['taskInstance']): Omit<XComAddress, 'key'> {
  return { dagId, runId, taskId, mapIndex }
}

const reply = (id: number, answered: XComReply) => ({ kind: 'reply', id, answer: answered }) as const

/** An XCom as the child hears of it. */
export function readReply(answered: XComAnswer): XComReply {
  if (answered.kind === 'found') return { kind: 'found', value: answered.value }
  return answered.kind === 'notFound' ? { kind: 'none' } : { kind: 'problem', message: problemOf(answered) }
}

function writeReply(answered: CallAnswer): XComReply {
  if (answered.kind === 'done' || answered.kind === 'notFound') return { kind: 'done' }
  return { kind: 'problem', message: problemOf(answered) }
}

function problemOf(
  answered: Exclude<Awaited<ReturnType<TaskSession['getXCom']>>, { kind: 'found' | 'notFound' }>,
): string {
  switch (answered.kind) {
    case 'archived':
      return 'the attempt of this task is over'
    case 'refused':
      return answered.message
    case 'unavailable':
      return `the server could not be reached: ${answered.detail}`
  }
}
