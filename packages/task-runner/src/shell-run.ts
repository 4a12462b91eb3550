import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask, TaskProgram } from '@fairlead/protocol'
import { shellInputVariable } from '@fairlead/sdk/runtime'
import { childEnvironment } from './child-environment.ts'
import { readReply } from './child-reply.ts'
import type { LogWriter } from './log-writer.ts'
import { followOutput } from './process-output.ts'
import type { ProgramStart, TaskProgramRun } from './program-run.ts'
import { ShellProcess } from './shell-process.ts'
import { judgeShell } from './verdict.ts'

type ShellProgram = Extract<TaskProgram, { kind: 'shell' }>

/** A shell command under the host itself, without a Node process. It waits for its gate until it may begin. */
export async function shellRun(workload: ExecuteTask, program: ShellProgram, log: LogWriter): Promise<TaskProgramRun> {
  const ownFolder = program.cwd === null ? await mkdtemp(join(tmpdir(), 'fairlead-shell-')) : null
  const cwd = program.cwd ?? ownFolder
  const process = startShell(program, cwd)
  const output = followOutput(process, log, false)
  return {
    process,
    begin(start) {
      shellInputs(workload, start).then(
        (environment) => process.release(environment),
        // The gate closes with the group; the message is the user's to read.
        (error: unknown) => {
          start.onOutcome({ kind: 'failed', error: inputError(error), isRetryable: true })
          process.close()
        },
      )
    },
    outputEnd: (silenceMs) => output.end(silenceMs),
    stderrTail: output.stderrTail,
    judge: (evidence) => judgeShell(evidence, program.skipOnExitCode, output.lastLine()),
    async dispose() {
      if (ownFolder !== null) await rm(ownFolder, { recursive: true, force: true }).catch(() => undefined)
    },
  }
}

function startShell(program: ShellProgram, cwd: string | null): ShellProcess {
  const environment = { ...childEnvironment(process.env), ...program.env }
  return new ShellProcess({ command: program.command, cwd, environment })
}

async function shellInputs(
  { inputs, taskInstance }: ExecuteTask,
  start: ProgramStart,
): Promise<Record<string, string>> {
  const { dagId, runId } = taskInstance
  const named = inputs.map(async ({ name, taskId, key }) => {
    const address = { dagId, runId, taskId, key, mapIndex: -1 }
    const reply = readReply(await start.session.getXCom(address, { budgetMs: start.apiBudgetMs, signal: start.signal }))
    if (reply.kind === 'problem')
      throw new Error(`Input "${name}" of task "${taskInstance.taskId}" could not be read: ${reply.message}`)
    return [shellInputVariable(name), JSON.stringify(reply.kind === 'found' ? reply.value : null)] as const
  })
  const { traceparent } = start.context
  const trace = traceparent ? { TRACEPARENT: traceparent } : {}
  return { ...trace, ...Object.fromEntries(await Promise.all(named)) }
}

function inputError(error: unknown): { name: string; message: string; stack: null } {
  return { name: 'InputUnavailable', message: error instanceof Error ? error.message : String(error), stack: null }
}
