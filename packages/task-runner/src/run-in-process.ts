import { randomUUID } from 'node:crypto'
import type { ExecuteTask, RunContext, WorkloadExit } from '@fairlead/protocol'
import type { TaskLog } from '@fairlead/sdk'
import type { AuthoredDag } from '@fairlead/sdk/runtime'
import { answerChild } from './answer-child.ts'
import type { HostLink } from './child/host-link.ts'
import { runTask } from './child/run-task.ts'
import { ExecutionApiClient, type TaskSession } from './execution-api-client.ts'
import { taskStart, withoutSecrets } from './handler-run.ts'
import type { TaskOutcome, HostReply } from './ipc.ts'
import { enterRunning, exitOfRefusal } from './launch-task.ts'
import type { RunWorkloadOptions } from './run-workload.ts'
import type { WorkloadRun } from './supervise-workload.ts'
import { SecretMask } from './secret-mask.ts'
import { pendingReport, settleTask } from './settle-task.ts'
import { judgeHandler, judgeOutcome, type Death, type Verdict } from './verdict.ts'

/**
 * Runs the handler of one workload in this very process, where a debugger finds it. Nothing can end a handler that does
 * not heed its signal: when its time is over, it is left behind.
 */
export function runInProcess(workload: ExecuteTask, options: RunInProcessOptions): WorkloadRun {
  const api = new ExecutionApiClient(options.apiUrl)
  const task = new TaskHere(workload, options, api.session(workload.taskInstance.id, workload.token))
  return { done: task.run().finally(() => api.close()), interrupt: (death) => task.interrupt(death) }
}

/** See {@link runInProcess}. */
export interface RunInProcessOptions extends Pick<RunWorkloadOptions, 'apiUrl' | 'settings' | 'giveUp' | 'onRunning'> {
  readonly dag: AuthoredDag
  readonly log: TaskLog
  /** False where somebody steps through the handler: then it may take as long as it takes. */
  readonly hasTimeout: boolean
}

class TaskHere {
  readonly #workload: ExecuteTask
  readonly #options: RunInProcessOptions
  readonly #session: TaskSession
  readonly #mask = new SecretMask()
  readonly #over = new AbortController()
  readonly #died: Promise<Death>
  #die: (death: Death) => void = () => undefined

  constructor(workload: ExecuteTask, options: RunInProcessOptions, session: TaskSession) {
    this.#workload = workload
    this.#options = options
    this.#session = session
    this.#died = new Promise((resolve) => (this.#die = resolve))
  }

  interrupt(death: Death): void {
    this.#die(death)
    this.#over.abort(new Error(`The task was told to end: ${death.kind}.`))
  }

  async run(): Promise<WorkloadExit> {
    const { settings, onRunning, giveUp } = this.#options
    const answer = await this.#session.run(enterRunning(process.pid), randomUUID(), {
      budgetMs: settings.launchBudgetMs,
      signal: this.#over.signal,
    })
    if (answer.kind !== 'started') return exitOfRefusal(answer)
    onRunning(process.pid)
    const verdict = await this.#verdict(answer.context)
    if (verdict.report?.error) {
      const { name, message, stack } = verdict.report.error
      this.#options.log.error(`${name}: ${message}`, { stack })
    }
    const pending = pendingReport(this.#workload.taskInstance, verdict, new Date())
    if (pending !== null) {
      await settleTask(this.#session, pending, { budgetMs: settings.settleBudgetMs, signal: giveUp })
    }
    return verdict.exit
  }

  async #verdict(context: RunContext): Promise<Verdict> {
    const timeoutMs = this.#options.hasTimeout ? this.#workload.executionTimeoutMs : null
    const timer =
      timeoutMs === null
        ? null
        : setTimeout(() => this.interrupt({ kind: 'timedOut', timeoutMs }), Math.min(timeoutMs, LONGEST_TIMER_MS))
    const end = await Promise.race([this.#handle(context), this.#died])
    if (timer !== null) clearTimeout(timer)
    const mayRetry = context.should_retry
    if (end.kind === 'success' || end.kind === 'failed' || end.kind === 'skipped') {
      return judgeOutcome(withoutSecrets(end, this.#mask), mayRetry)
    }
    return judgeHandler({ ...NO_PROCESS, death: end, mayRetry })
  }

  #handle(context: RunContext): Promise<TaskOutcome> {
    const { dag, log } = this.#options
    return runTask(taskStart(this.#workload, { bundlePath: '', sentry: null }, { context }), {
      dags: Promise.resolve([dag]),
      host: this.#link(),
      abort: this.#over,
      log,
    })
  }

  /** What a child asks its host for is asked of the API here. */
  #link(): HostLink {
    const call = {
      session: this.#session,
      apiBudgetMs: this.#options.settings.settleBudgetMs,
      signal: this.#over.signal,
    }
    return {
      ask: async (request): Promise<HostReply> => {
        const reply = await answerChild(request(0), this.#workload, call, this.#mask)
        return reply === null ? { kind: 'none' } : reply.answer
      },
      send: () => undefined,
      settle: () => undefined,
      unref: () => undefined,
      finish: () => Promise.resolve(),
    }
  }
}

/** Longer timers fire at once in Node. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const NO_PROCESS = {
  outcome: null,
  end: { kind: 'exited', exitCode: 0 },
  stderrTail: '',
  wasOomKilled: () => false,
} as const
