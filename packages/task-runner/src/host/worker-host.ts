import { existsSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { DispatchId, ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { childEnvironment } from '../child-environment.ts'
import { ExecutionApiClient } from '../execution-api-client.ts'
import { handlerRun } from '../handler-run.ts'
import { LogWriter } from '../log-writer.ts'
import type { TaskProgramRun } from '../program-run.ts'
import { startRunnerProcess, type RunnerProcess } from '../runner-process.ts'
import type { SentrySettings } from '../sentry-settings.ts'
import { settleTask, type PendingReport } from '../settle-task.ts'
import { shellRun } from '../shell-run.ts'
import { Supervisor } from '../supervisor.ts'
import type { HeldWorkload } from './control-messages.ts'
import type { WorkerHostSettings } from './host-settings.ts'
import { Journal, type JournalEntry } from './journal.ts'
import { endLeftover } from './predecessor.ts'
import { Reaper } from './reaper.ts'
import { SparePool } from './spare-pool.ts'

/**
 * Owns the task processes of one executor on one machine. No user code runs in it.
 *
 * Invariant 1: a dispatch id is begun at most once, whatever is submitted again.
 * Invariant 2: an end stays until it is acknowledged, across a death of this process.
 * Invariant 3: what an earlier host left alive is ended before it is called lost.
 */
export class WorkerHost {
  readonly #settings: WorkerHostSettings
  readonly #sentry: SentrySettings | null
  readonly #journal: Journal
  readonly #api: ExecutionApiClient
  readonly #reaper = new Reaper()
  readonly #spares: SparePool
  readonly #active = new Map<DispatchId, Active>()
  readonly #ended = new Map<DispatchId, Extract<HeldWorkload, { kind: 'ended' }>>()
  /** Ends of an earlier host that the server has yet to hear of; to the executor they still run. */
  readonly #inherited = new Map<DispatchId, HeldWorkload>()
  readonly #giveUp = new AbortController()
  readonly #heartbeats: NodeJS.Timeout
  readonly #knownBundles = new Set<string>()
  #isClosing = false
  onEvent: (event: HeldWorkload) => void = () => undefined

  constructor(settings: WorkerHostSettings, sentry: SentrySettings | null) {
    this.#settings = settings
    this.#sentry = sentry
    this.#journal = new Journal(join(settings.runFolder, 'journal.ndjson'))
    this.#api = new ExecutionApiClient(settings.apiUrl)
    this.#spares = new SparePool({
      spares: settings.spares,
      idleMs: settings.sparesIdleMs,
      startProcess: () => this.#startRunner(),
    })
    this.#heartbeats = setInterval(() => this.#beat(), settings.heartbeatIntervalMs)
  }

  /** Finishes what an earlier host left, and begins to keep spares. */
  async open(): Promise<void> {
    await Promise.all(this.#journal.entries().map((entry) => this.#inherit(entry)))
    this.#spares.open()
  }

  /** Accepts a workload. A dispatch id that is known is left as it is. */
  submit(workload: ExecuteTask): void {
    const { dispatchId } = workload.taskInstance
    if (this.#active.has(dispatchId) || this.#ended.has(dispatchId) || this.#inherited.has(dispatchId)) return
    if (this.#isClosing) throw new Error('the worker host is shutting down')
    const log = new LogWriter(this.#logPath(workload.logPath))
    this.#journal.accepted(dispatchId)
    const supervisor = this.#supervise(workload, log)
    const done = supervisor.run().then((exit) => this.#onEnded(dispatchId, exit))
    this.#active.set(dispatchId, { supervisor, pid: null, done })
  }

  /** Everything that is not acknowledged. */
  held(): HeldWorkload[] {
    const active = [...this.#active].map(([dispatchId, { pid }]): HeldWorkload =>
      pid === null ? { kind: 'accepted', dispatchId } : { kind: 'running', dispatchId, pid },
    )
    return [...active, ...this.#inherited.values(), ...this.#ended.values()]
  }

  /** Ends a workload and forgets it; resolves when nothing of it lives. Quiet for what is unknown or has ended. */
  async cancel(dispatchId: DispatchId, detail: string): Promise<void> {
    const active = this.#active.get(dispatchId)
    active?.supervisor.interrupt({ kind: 'cancelled', detail })
    await active?.done
    this.acknowledge([dispatchId])
  }

  /** Ends some of the work because the server of its executor stops; resolves when nothing of it lives. */
  async end(dispatchIds: readonly DispatchId[], detail: string): Promise<void> {
    const active = dispatchIds.flatMap((dispatchId) => this.#active.get(dispatchId) ?? [])
    for (const { supervisor } of active) supervisor.interrupt({ kind: 'shutdown', detail })
    await Promise.all(active.map(({ done }) => done))
  }

  acknowledge(dispatchIds: readonly DispatchId[]): void {
    for (const dispatchId of dispatchIds) {
      if (this.#ended.delete(dispatchId)) this.#journal.acknowledged(dispatchId)
    }
  }

  prewarm(bundleHash: string): void {
    const bundlePath = this.#bundlePath(bundleHash)
    if (this.#hasBundle(bundlePath)) this.#spares.prewarm(bundlePath)
  }

  status(): {
    active: number
    unacknowledged: number
    spares: number
    preloadedSpares: number
    startingSpares: number
  } {
    const { idle, preloaded, starting } = this.#spares.counts()
    const unacknowledged = this.#ended.size
    return {
      active: this.#active.size + this.#inherited.size,
      unacknowledged,
      spares: idle,
      preloadedSpares: preloaded,
      startingSpares: starting,
    }
  }

  /** Ends all work, for the reason given, and everything that was started. */
  async close(detail: string): Promise<void> {
    this.#isClosing = true
    const giveUp = setTimeout(() => this.#giveUp.abort(), LAST_REPORTS_MS)
    const active = [...this.#active.values()]
    for (const { supervisor } of active) supervisor.interrupt({ kind: 'shutdown', detail })
    await Promise.all(active.map(({ done }) => done))
    clearTimeout(giveUp)
    this.#giveUp.abort()
    clearInterval(this.#heartbeats)
    await this.#spares.close()
    this.#reaper.close()
    this.#api.close()
  }

  #supervise(workload: ExecuteTask, log: LogWriter): Supervisor {
    const { id, dispatchId } = workload.taskInstance
    return new Supervisor(workload, {
      session: this.#api.session(id, workload.token),
      log,
      settings: this.#settings,
      giveUp: this.#giveUp.signal,
      prepare: (_, signal) => this.#prepare(workload, log, signal),
      onRunning: (pid) => {
        const active = this.#active.get(dispatchId)
        if (active !== undefined) active.pid = pid
        this.onEvent({ kind: 'running', dispatchId, pid })
      },
      record: {
        running: (process) => this.#journal.running(dispatchId, process),
        ended: (exit, pending, token) => this.#journal.ended(dispatchId, { exit, pending, token }),
        // What could not be told stays in the journal for the next host, as long as this one is only giving up.
        reported: (result) => {
          if (result.kind !== 'untold' || !this.#giveUp.signal.aborted) this.#journal.reported(dispatchId)
        },
      },
    })
  }

  async #prepare(workload: ExecuteTask, log: LogWriter, signal: AbortSignal): Promise<TaskProgramRun> {
    if (workload.program.kind === 'shell') {
      const run = await shellRun(workload, workload.program, log)
      this.#watch(run.process)
      return run
    }
    const bundlePath = this.#bundlePath(workload.bundle.hash)
    if (!this.#hasBundle(bundlePath)) {
      throw new Error(`the compiled Dag file is not on this machine: ${bundlePath}. Let the Dag be parsed again.`)
    }
    const process = await this.#spares.acquire(bundlePath, signal)
    return handlerRun(workload, process, { bundlePath, log, sentry: this.#sentry })
  }

  #startRunner(): RunnerProcess {
    const { childPath, extraCaCertificates } = this.#settings
    const runner = startRunnerProcess({ childPath, extraCaCertificates, environment: childEnvironment(process.env) })
    this.#watch(runner)
    return runner
  }

  #watch({ pid, exited }: TaskProgramRun['process']): void {
    this.#reaper.add(pid)
    void exited.then(() => this.#reaper.remove(pid))
  }

  #onEnded(dispatchId: DispatchId, exit: WorkloadExit): void {
    const pid = this.#active.get(dispatchId)?.pid ?? null
    this.#active.delete(dispatchId)
    this.#addEnd({ kind: 'ended', dispatchId, pid, exit })
  }

  #addEnd(end: Extract<HeldWorkload, { kind: 'ended' }>): void {
    this.#ended.set(end.dispatchId, end)
    this.onEvent(end)
  }

  /** An entry of an earlier host: its processes are ended first, then the server is told, then the executor. */
  async #inherit({ dispatchId, process, end }: JournalEntry): Promise<void> {
    const pid = process?.pid ?? null
    if (process !== null) await endLeftover(process)
    if (end === null) {
      const exit = exitOfInherited(pid !== null)
      this.#journal.ended(dispatchId, { exit, pending: null, token: '' })
      return this.#addEnd({ kind: 'ended', dispatchId, pid, exit })
    }
    const { exit, pending, token } = end
    if (pending === null) return this.#addEnd({ kind: 'ended', dispatchId, pid, exit })
    this.#inherited.set(dispatchId, { kind: 'running', dispatchId, pid: pid ?? 0 })
    void this.#tellInherited(dispatchId, pending, token).then(() => {
      this.#inherited.delete(dispatchId)
      this.#addEnd({ kind: 'ended', dispatchId, pid, exit })
    })
  }

  async #tellInherited(dispatchId: DispatchId, pending: PendingReport, token: string): Promise<void> {
    const session = this.#api.session(pending.taskInstance.id, token)
    const options = { budgetMs: this.#settings.settleBudgetMs, signal: this.#giveUp.signal }
    const result = await settleTask(session, pending, options)
    if (result.kind !== 'untold') this.#journal.reported(dispatchId)
  }

  #beat(): void {
    for (const { supervisor } of this.#active.values()) void supervisor.heartbeat()
  }

  #bundlePath(hash: string): string {
    return join(this.#settings.bundleFolder, hash, 'bundle.mjs')
  }

  /** Content never changes under its hash, so one look is enough. */
  #hasBundle(path: string): boolean {
    if (this.#knownBundles.has(path)) return true
    if (!existsSync(path)) return false
    this.#knownBundles.add(path)
    return true
  }

  #logPath(logPath: string): string {
    const path = resolve(this.#settings.logFolder, logPath)
    if (path.startsWith(resolve(this.#settings.logFolder) + sep)) return path
    throw new Error(`the log path "${logPath}" leads out of the log folder`)
  }
}

/** What has ended and is being told when the host closes gets this long. */
const LAST_REPORTS_MS = 2_000

interface Active {
  readonly supervisor: Supervisor
  readonly done: Promise<void>
  pid: number | null
}

function exitOfInherited(wasRunning: boolean): WorkloadExit {
  if (wasRunning) return { kind: 'lost', detail: 'the worker host died while the task ran; its processes were ended' }
  return { kind: 'neverStarted', detail: 'the worker host died before the task began' }
}
