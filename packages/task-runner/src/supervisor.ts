import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ExecuteTask, RunContext, WorkloadExit } from '@fairlead/protocol'
import type { Refusal, RunAnswer, TaskSession } from './execution-api-client.ts'
import { enterRunning, exitOfRefusal } from './launch-task.ts'
import type { LogWriter } from './log-writer.ts'
import { markOomKills, wasOomKilled, type OomMark } from './oom-evidence.ts'
import { endProcessGroup, killProcessGroup, killStrays } from './process-group.ts'
import { identify, type ProcessIdentity } from './process-identity.ts'
import { pendingReport, settleTask, type PendingReport, type SettleResult } from './settle-task.ts'
import type { TaskOutcome } from './ipc.ts'
import type { TaskProgramRun } from './program-run.ts'
import { judgeOutcome, withStopTold, type Death, type Verdict } from './verdict.ts'

/**
 * Runs one workload from its launch ticket to its settled outcome.
 *
 * Invariant 1: user code starts only after the server took the ticket and the process is recorded.
 * Invariant 2: the first cause of death wins; a later one is not looked at.
 * Invariant 3: when `done` resolves, nothing of the process group lives.
 */
export class Supervisor {
  readonly workload: ExecuteTask
  readonly #deps: SupervisorDeps
  readonly #session: TaskSession
  readonly #interruption = new AbortController()
  #phase: Phase = { kind: 'launching' }
  #death: Death | null = null
  #isBeating = false
  #forbiddenSince: number | null = null

  constructor(workload: ExecuteTask, deps: SupervisorDeps) {
    this.workload = workload
    this.#deps = deps
    this.#session = deps.session
  }

  /** Runs the workload. Called once; never rejects. */
  async run(): Promise<WorkloadExit> {
    try {
      return await this.#run()
    } catch (error) {
      const detail = `the supervisor failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
      this.#deps.log.write('error', 'supervisor failed', { detail })
      if (this.#phase.kind === 'running' || this.#phase.kind === 'ending')
        await killProcessGroup(this.#phase.program.process.pid)
      const exit: WorkloadExit = { kind: 'lost', detail }
      this.#deps.record.ended(exit, null, '')
      return exit
    } finally {
      this.#leavePhase({ kind: 'ended' })
      await this.#deps.log.close()
    }
  }

  /** Ends the workload for a reason, unless it has one already or has said what came of it. */
  interrupt(death: Death): void {
    if (this.#death !== null || this.#phase.kind === 'ended' || this.#phase.kind === 'settling') return
    if (this.#phase.kind === 'running' && this.#phase.outcome !== null) return
    this.#death = death
    this.#deps.log.write('warn', 'task is being ended', { ...death })
    this.#interruption.abort()
    if (this.#phase.kind !== 'running') return
    const { program } = this.#phase
    this.#leavePhase({
      kind: 'ending',
      program,
      groupEnd: endProcessGroup(program.process.pid, this.#deps.settings.killGraceMs),
    })
  }

  /** Tells the server that this task lives. The host calls it on its own timer, whatever the task does. */
  async heartbeat(): Promise<void> {
    if (this.#phase.kind !== 'running' || this.#phase.outcome !== null || this.#isBeating) return
    const { program } = this.#phase
    this.#phase.oomMark = markOomKills(program.process.pid)
    this.#isBeating = true
    const body = { hostname: hostname(), pid: program.process.pid }
    const answer = await this.#session.heartbeat(body, { budgetMs: 0, signal: this.#interruption.signal })
    this.#isBeating = false
    if (answer.kind === 'done') this.#forbiddenSince = null
    else if (this.#isSuperseded(answer)) this.interrupt({ kind: 'superseded' })
  }

  /** Pid of the process that runs the task, or null. */
  get pid(): number | null {
    return this.#phase.kind === 'running' || this.#phase.kind === 'ending' ? this.#phase.program.process.pid : null
  }

  async #run(): Promise<WorkloadExit> {
    const launch = await this.#launch()
    if (launch.kind === 'notStarted') {
      this.#deps.log.write('error', 'task was not started', { ...launch.exit })
      this.#deps.record.ended(launch.exit, null, '')
      return launch.exit
    }
    const { program, context } = launch
    const settled = this.#begin(program, context)
    const end = await program.process.exited
    if (this.#phase.kind === 'ending') await this.#phase.groupEnd
    await killProcessGroup(program.process.pid)
    // Who ends in order sees to its own; who was killed could not.
    if (this.#death !== null || end.kind === 'signaled') killStrays(program.process.mark)
    // What user code said before its process ended may still be in the channel.
    await program.outputEnd(this.#deps.settings.drainMs)
    const { outcome: reported, oomMark: mark } = this.#phase.kind === 'running' ? this.#phase : NOTHING_REPORTED
    this.#leavePhase({ kind: 'settling' })
    const judged = program.judge({
      death: this.#death,
      outcome: reported,
      end,
      stderrTail: program.stderrTail(),
      wasOomKilled: () => mark !== null && wasOomKilled(program.process.pid, mark),
      mayRetry: context.should_retry,
    })
    const verdict = this.#deps.tellsOfStop === true ? withStopTold(judged, context.should_retry) : judged
    await (reported === null ? this.#settle(verdict) : settled.promise)
    await program.dispose()
    return verdict.exit
  }

  /** A process that is ready and a ticket that was taken, or why not. */
  async #launch(): Promise<Launch> {
    let program: TaskProgramRun
    try {
      program = await this.#deps.prepare(this.workload, this.#interruption.signal)
    } catch (error) {
      return { kind: 'notStarted', exit: this.#death ?? { kind: 'neverStarted', detail: messageOf(error) } }
    }
    const { pid } = program.process
    const answer = await this.#session.run(enterRunning(pid), randomUUID(), {
      budgetMs: this.#deps.settings.launchBudgetMs,
      signal: this.#interruption.signal,
    })
    const launch = this.#launchOf(program, answer)
    if (launch.kind === 'started') return launch
    await killProcessGroup(pid)
    await program.dispose()
    return launch
  }

  #launchOf(program: TaskProgramRun, answer: RunAnswer): Launch {
    if (this.#death !== null) return { kind: 'notStarted', exit: this.#death }
    if (answer.kind !== 'started') {
      this.#deps.onRefused?.(answer)
      return { kind: 'notStarted', exit: exitOfRefusal(answer) }
    }
    const problem = this.#recordRunning(program.process.pid)
    if (problem !== null) return { kind: 'notStarted', exit: { kind: 'neverStarted', detail: problem } }
    return { kind: 'started', program, context: answer.context }
  }

  /** Writes down which process it is, or says why user code must not start. */
  #recordRunning(pid: number): string | null {
    const identity = identify(pid)
    if (identity === null) return 'the process ended before the task began'
    try {
      this.#deps.record.running(identity)
      return null
    } catch (error) {
      return `the worker host could not record the process: ${messageOf(error)}`
    }
  }

  /** Lets user code begin. The promise resolves when the outcome that the task reports is settled. */
  #begin(program: TaskProgramRun, context: RunContext): { promise: Promise<void> } {
    const settled = { promise: Promise.resolve() }
    const phase: Running = {
      kind: 'running',
      program,
      outcome: null,
      timer: null,
      oomMark: null,
    }
    this.#phase = phase
    program.begin({
      context,
      session: this.#session,
      apiBudgetMs: this.#deps.settings.settleBudgetMs,
      signal: this.#interruption.signal,
      onOutcome: (outcome) => {
        if (this.#phase !== phase || phase.outcome !== null) return
        phase.outcome = outcome
        this.#restartTimer(phase, this.#deps.settings.overtimeMs, () => void killProcessGroup(program.process.pid))
        // Settled at once: the few milliseconds in which the process ends are not the next task's to wait for.
        settled.promise = this.#settle(judgeOutcome(outcome, context.should_retry))
      },
    })
    phase.oomMark = markOomKills(program.process.pid)
    const timeoutMs = this.workload.executionTimeoutMs
    if (timeoutMs !== null) this.#restartTimer(phase, timeoutMs, () => this.interrupt({ kind: 'timedOut', timeoutMs }))
    this.#deps.onRunning(program.process.pid)
    const { taskInstance } = this.workload
    this.#deps.log.write('info', 'task started', {
      pid: program.process.pid,
      tryNumber: taskInstance.tryNumber,
      hostname: hostname(),
    })
    return settled
  }

  async #settle(verdict: Verdict): Promise<void> {
    const { exit, report } = verdict
    if (report?.error) {
      const { name, message, stack } = report.error
      this.#deps.log.write('error', 'task failed', { error: name, message, stack })
    }
    this.#deps.log.write('info', 'task ended', { state: report?.state ?? null, exit })
    const pending = pendingReport(this.workload.taskInstance, verdict, new Date())
    this.#deps.record.ended(exit, pending, pending === null ? '' : this.#session.token)
    if (pending === null) return
    await this.#deps.beforeReport?.()
    const result = await settleTask(this.#session, pending, {
      budgetMs: this.#deps.settings.settleBudgetMs,
      signal: this.#deps.giveUp,
    })
    this.#deps.record.reported(result)
  }

  #isSuperseded(answer: Refusal): boolean {
    if (answer.kind === 'notFound' || answer.kind === 'archived') return true
    if (answer.kind !== 'refused') return false
    if (answer.reason !== 'forbidden' && answer.reason !== 'rejected') return true
    // The token is no longer good: after as long as the server's lease nobody believes in this task any more.
    this.#forbiddenSince ??= performance.now()
    return performance.now() - this.#forbiddenSince > this.#deps.settings.leaseMs
  }

  #restartTimer(phase: Running, ms: number, onTime: () => void): void {
    if (phase.timer !== null) clearTimeout(phase.timer)
    phase.timer = setTimeout(onTime, Math.min(ms, LONGEST_TIMER_MS))
  }

  #leavePhase(next: Phase): void {
    if (this.#phase.kind === 'running' && this.#phase.timer !== null) clearTimeout(this.#phase.timer)
    this.#phase = next
  }
}

/** What a supervisor needs of its host. */
export interface SupervisorDeps {
  /** The calls of the workload's task instance, under its launch ticket. */
  readonly session: TaskSession
  readonly log: LogWriter
  readonly settings: SupervisorSettings
  /** Aborts when the host goes: reports that are not told by then stay in its journal. */
  readonly giveUp: AbortSignal
  /** A process for the workload, in which no user code of it runs yet. */
  prepare(workload: ExecuteTask, signal: AbortSignal): Promise<TaskProgramRun>
  onRunning(pid: number): void
  readonly record: SupervisorRecord
  /** True where nobody but this supervisor can say that the task was ended because its worker was told to stop. */
  readonly tellsOfStop?: boolean
  /** Called when the server did not take the launch ticket. */
  onRefused?(answer: Refusal): void
  /** What is to be done before the server hears of the outcome; it must not take long. */
  beforeReport?(): Promise<void>
}

/** What is written down before it happens, so that another host can end or finish what this one leaves. */
export interface SupervisorRecord {
  running(process: ProcessIdentity): void
  ended(exit: WorkloadExit, pending: PendingReport | null, token: string): void
  reported(result: SettleResult): void
}

/** Times of a supervisor, in milliseconds. */
export interface SupervisorSettings {
  /** From SIGTERM to SIGKILL. */
  readonly killGraceMs: number
  /** How long a ticket is offered to a server that does not answer. */
  readonly launchBudgetMs: number
  /** How long an outcome is offered to a server that does not answer: its lease plus grace. */
  readonly settleBudgetMs: number
  /** How long the server believes in a task whose heartbeats it refuses. */
  readonly leaseMs: number
  /** How long a process may live after it reported its outcome. */
  readonly overtimeMs: number
  /** How long silent pipes that somebody outside the group holds open are waited for. */
  readonly drainMs: number
}

type Phase =
  | { kind: 'launching' }
  | Running
  | { kind: 'ending'; program: TaskProgramRun; groupEnd: Promise<boolean> }
  | { kind: 'settling' }
  | { kind: 'ended' }

interface Running {
  kind: 'running'
  readonly program: TaskProgramRun
  outcome: TaskOutcome | null
  timer: NodeJS.Timeout | null
  oomMark: OomMark | null
}

type Launch =
  | { kind: 'started'; program: TaskProgramRun; context: RunContext }
  | { kind: 'notStarted'; exit: WorkloadExit }

const NOTHING_REPORTED = { outcome: null, oomMark: null }

/** Longer timers fire at once in Node. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
