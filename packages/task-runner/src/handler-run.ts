import type { ExecuteTask } from '@fairlead/protocol'
import { answerChild } from './answer-child.ts'
import type { TaskOutcome, TaskStart } from './ipc.ts'
import type { LogWriter } from './log-writer.ts'
import { followOutput } from './process-output.ts'
import type { ProgramStart, TaskProgramRun } from './program-run.ts'
import type { RunnerProcess } from './runner-process.ts'
import type { SecretMask } from './secret-mask.ts'
import type { SentrySettings } from './sentry-settings.ts'
import { judgeHandler } from './verdict.ts'

/** A handler in a Node process that waits for its task. */
export function handlerRun(workload: ExecuteTask, process: RunnerProcess, where: HandlerPlace): TaskProgramRun {
  const output = followOutput(process, where.log, true)
  return {
    process,
    begin(start) {
      process.onMessage = (message) => {
        if (message.kind === 'outcome') start.onOutcome(withoutSecrets(message.outcome, where.log.mask))
        else void answerChild(message, workload, start, where.log.mask).then((reply) => reply && process.send(reply))
      }
      process.send({ kind: 'start', task: taskStart(workload, where, start) })
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
  /** How failures are told to Sentry; null where they are not. */
  readonly sentry: SentrySettings | null
}

/** What a handler's process is told to begin with. */
export function taskStart(
  { taskInstance, inputs, sentryIntegration: integration }: ExecuteTask,
  { bundlePath, sentry: settings }: Pick<HandlerPlace, 'bundlePath' | 'sentry'>,
  { context }: Pick<ProgramStart, 'context'>,
): TaskStart {
  const { dagId, runId, taskId, mapIndex, tryNumber } = taskInstance
  const { dag_run: run, traceparent = null } = context
  const sentry = settings === null || integration === null ? null : { settings, integration }
  return { dagId, runId, taskId, mapIndex, tryNumber, bundlePath, inputs, run, traceparent, sentry }
}

/** What a task says of its failure is shown to people; what it returns is its own affair. */
export function withoutSecrets(outcome: TaskOutcome, mask: SecretMask): TaskOutcome {
  if (outcome.kind === 'success') return outcome
  if (outcome.kind === 'skipped') return { ...outcome, detail: mask.hide(outcome.detail) }
  const { name, message, stack } = outcome.error
  const error = { name, message: mask.hide(message), stack: stack === null ? null : mask.hide(stack) }
  return { ...outcome, error }
}
