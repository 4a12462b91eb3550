import { join } from 'node:path'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { childEnvironment, extraCaCertificatesOf } from './child-environment.ts'
import type { TaskSession } from './execution-api-client.ts'
import { handlerRun } from './handler-run.ts'
import { Reaper } from './host/reaper.ts'
import type { LogWriter } from './log-writer.ts'
import type { TaskProgramRun } from './program-run.ts'
import { startRunnerProcess } from './runner-process.ts'
import { sentrySettingsOf } from './sentry-settings.ts'
import { shellRun } from './shell-run.ts'
import { Supervisor, type SupervisorDeps, type SupervisorRecord, type SupervisorSettings } from './supervisor.ts'
import type { Death } from './verdict.ts'

/** What every supervised workload is given. */
export interface SupervisionOptions {
  readonly bundleFolder: string
  readonly childPath: string
  readonly settings: SupervisorSettings
  readonly heartbeatIntervalMs: number
  readonly giveUp: AbortSignal
  readonly onRunning: (pid: number) => void
  /** What the executor's host has for its workers, beside the environment of this process. */
  readonly workerEnvironment?: Readonly<Record<string, string>> | undefined
}

/** The same, with what its starter keeps in its own hands. */
export interface SuperviseOptions extends SupervisionOptions {
  readonly session: TaskSession
  readonly log: LogWriter
  /** How a worker that nobody looks after tells of itself; the rest is said by its exit. */
  readonly alone?: Pick<SupervisorDeps, 'tellsOfStop' | 'beforeReport' | 'onRefused'> &
    Pick<SupervisorRecord, 'ended' | 'reported'>
}

/** A workload on its way. */
export interface WorkloadRun {
  readonly done: Promise<WorkloadExit>
  interrupt(death: Death): void
}

/** Runs a workload in a fresh child under a supervisor with a heartbeat of its own. */
export function superviseWorkload(workload: ExecuteTask, options: SuperviseOptions): WorkloadRun {
  const { session, log, settings, giveUp, onRunning, alone } = options
  const reaper = new Reaper()
  const supervisor = new Supervisor(workload, {
    ...alone,
    session,
    log,
    settings,
    giveUp,
    onRunning,
    record: { running: () => undefined, ended: () => undefined, reported: () => undefined, ...alone },
    prepare: async () => {
      const run = await prepare(workload, options)
      reaper.add(run.process.pid)
      return run
    },
  })
  const heartbeats = setInterval(() => void supervisor.heartbeat(), options.heartbeatIntervalMs)
  const done = supervisor.run().finally(() => {
    clearInterval(heartbeats)
    // The group has ended by now, and its number may be given to another.
    reaper.forget()
  })
  return { done, interrupt: (death) => supervisor.interrupt(death) }
}

async function prepare(workload: ExecuteTask, options: SuperviseOptions): Promise<TaskProgramRun> {
  const { log } = options
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
