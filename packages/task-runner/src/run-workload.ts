import { join, resolve } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { childEnvironment, extraCaCertificatesOf } from './child-environment.ts'
import { ExecutionApiClient } from './execution-api-client.ts'
import { handlerRun } from './handler-run.ts'
import { Reaper } from './host/reaper.ts'
import { LogWriter } from './log-writer.ts'
import type { TaskProgramRun } from './program-run.ts'
import { startRunnerProcess } from './runner-process.ts'
import { sentrySettingsOf } from './sentry-settings.ts'
import { shellRun } from './shell-run.ts'
import { Supervisor, type SupervisorSettings } from './supervisor.ts'
import type { Death } from './verdict.ts'

/** Runs one workload under a supervisor in this process, in a fresh child. Its processes die with this one. */
export function runWorkload(workload: ExecuteTask, options: RunWorkloadOptions): WorkloadRun {
  const api = new ExecutionApiClient(options.apiUrl)
  const reaper = new Reaper()
  const log = new LogWriter(resolve(options.logFolder, workload.logPath))
  const supervisor = new Supervisor(workload, {
    api,
    log,
    settings: options.settings,
    giveUp: options.giveUp,
    onRunning: options.onRunning,
    record: { running: () => undefined, ended: () => undefined, reported: () => undefined },
    prepare: async () => {
      const run = await prepare(workload, options, log)
      reaper.add(run.process.pid)
      return run
    },
  })
  const heartbeats = setInterval(() => void supervisor.heartbeat(), options.heartbeatIntervalMs)
  const done = supervisor.run().finally(() => {
    clearInterval(heartbeats)
    // The group has ended by now, and its number may be given to another.
    reaper.forget()
    api.close()
  })
  return { done, interrupt: (death) => supervisor.interrupt(death) }
}

/** See {@link runWorkload}. */
export interface RunWorkloadOptions {
  readonly apiUrl: string
  readonly logFolder: string
  readonly bundleFolder: string
  readonly childPath: string
  readonly settings: SupervisorSettings
  readonly heartbeatIntervalMs: number
  readonly giveUp: AbortSignal
  readonly onRunning: (pid: number) => void
  /** What the executor's host has for its workers, beside the environment of this process. */
  readonly workerEnvironment?: Readonly<Record<string, string>> | undefined
}

/** A workload on its way. */
export interface WorkloadRun {
  readonly done: Promise<WorkloadExit>
  interrupt(death: Death): void
}

async function prepare(workload: ExecuteTask, options: RunWorkloadOptions, log: LogWriter): Promise<TaskProgramRun> {
  if (workload.program.kind === 'shell') return await shellRun(workload, workload.program, log)
  const runner = startRunnerProcess({
    childPath: options.childPath,
    extraCaCertificates: extraCaCertificatesOf(process.env),
    environment: childEnvironment(process.env),
  })
  return handlerRun(workload, runner, {
    log,
    sentry: sentrySettingsOf(options.workerEnvironment, process.env),
    bundlePath: join(options.bundleFolder, workload.bundle.hash, 'bundle.mjs'),
  })
}
