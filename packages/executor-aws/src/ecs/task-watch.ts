import type { ExecutorHost, RunningWorkload } from '@fairlead/executor'
import type { DispatchId, WorkloadExit } from '@fairlead/protocol'
import { failureOf } from '../shared/aws-failure.ts'
import { fullJitterMs } from '../shared/full-jitter.ts'
import { groupBy } from '../shared/group-by.ts'
import { mapSome } from '../shared/patient-calls.ts'
import { classifyTask, exitOfVerdict, type TaskVerdict } from './classify-task.ts'
import type { EcsApi } from './ecs-api.ts'
import { workerContainer, type EcsTask } from './ecs-task.ts'
import { nextPollMs, type PollPace } from './poll-schedule.ts'
import type { EcsSettings } from './settings.ts'
import { inHundreds } from './task-finder.ts'
import { clusterOfArn } from './task-identity.ts'

/** What a watch needs of the executor. */
export interface WatchParts {
  readonly host: Pick<ExecutorHost, 'clock' | 'log'>
  readonly settings: EcsSettings
  readonly api: EcsApi
  readonly random: () => number
  running(dispatchId: DispatchId, arn: string): void
  ended(dispatchId: DispatchId, exit: WorkloadExit, arn: string): void
}

interface Watched {
  readonly dispatchId: DispatchId
  readonly arn: string
  readonly since: number
  askAt: number
  /** Of the task, as ECS counts its changes. */
  version: number
  verdict: TaskVerdict | null
  runningSince: number | null
  missingSince: number | null
  unclearSince: number | null
  isOverdue: boolean
}

const CALLS_AT_ONCE = 4
const THROTTLED = { firstMs: 1000, longestMs: 30_000 }

/** Asks ECS about the tasks of an instance, a hundred in a call, each when it is due, and reports what became of them. */
export class TaskWatch {
  readonly #parts: WatchParts
  readonly #pace: PollPace
  readonly #watched = new Map<DispatchId, Watched>()
  #throttledInARow = 0
  #notBefore = 0

  constructor(parts: WatchParts) {
    this.#parts = parts
    const { poll, events } = parts.settings
    this.#pace = events === undefined ? poll : { shortestMs: poll.shortestMs, longestMs: events.reconcileMs }
  }

  /** Why a task that ECS has been given has not begun yet, or null: it may have waited so long that it counts as stuck. */
  waitingFor(dispatchId: DispatchId): string | null {
    const { verdict, runningSince } = this.#watched.get(dispatchId) ?? UNSEEN
    if (verdict === null) return 'ECS has just been asked for it.'
    if (verdict.kind === 'starting') return verdict.detail
    const isNew = runningSince !== null && this.#parts.host.clock.now() - runningSince < WORKER_START_MS
    return isNew ? 'ECS has just started its container.' : null
  }

  has(dispatchId: DispatchId): boolean {
    return this.#watched.has(dispatchId)
  }

  /** Looks after what runs, and nothing else. */
  follow(running: readonly RunningWorkload[]): void {
    const ids = new Set(running.map(({ dispatchId }) => dispatchId))
    for (const dispatchId of this.#watched.keys()) if (!ids.has(dispatchId)) this.#watched.delete(dispatchId)
    for (const { dispatchId, externalId } of running) {
      if (externalId === null || this.#watched.has(dispatchId)) continue
      const now = this.#parts.host.clock.now()
      this.#watched.set(dispatchId, { dispatchId, arn: externalId, since: now, askAt: now, ...UNSEEN })
    }
  }

  /** Asks about those that are due. Throws what ECS cannot be asked for: nothing is reported of what was not answered. */
  async poll(signal: AbortSignal): Promise<void> {
    const now = this.#parts.host.clock.now()
    if (now < this.#notBefore) return
    const due = [...this.#watched.values()].filter(({ askAt }) => askAt <= now)
    const calls = [...groupBy(due, ({ arn }) => clusterOfArn(arn))].flatMap(([cluster, watched]) =>
      inHundreds(watched).map((some) => ({ cluster, some })),
    )
    const errors = await mapSome(calls, CALLS_AT_ONCE, async ({ cluster, some }) => {
      try {
        await this.#ask(cluster, some, signal)
        return null
      } catch (error) {
        return { error: error instanceof Error ? error : new Error(String(error)) }
      }
    })
    this.#judge(errors.filter((one) => one !== null).map(({ error }) => error))
  }

  /**
   * Takes in what an event says of a task; false for one that is not watched here. Events come late, twice and in any
   * order: what is older than what is known says nothing.
   */
  hear(task: EcsTask, dispatchId: DispatchId): boolean {
    const watched = this.#watched.get(dispatchId)
    if (watched === undefined || watched.arn !== task.taskArn) return false
    const isNews = (task.version ?? 0) > watched.version
    // Whose exit code counts, only a task says that tells which container is the worker's: else ECS is asked.
    if (isNews && workerContainer(task, null) !== undefined) this.#observe(watched, task)
    else if (isNews) watched.askAt = 0
    return true
  }

  async #ask(cluster: string, watched: readonly Watched[], signal: AbortSignal): Promise<void> {
    const arns = watched.map(({ arn }) => arn)
    const tasks = await this.#parts.api.describeTasks(cluster, arns, signal)
    const byArn = new Map(tasks.map((task) => [task.taskArn, task]))
    for (const one of watched) {
      // It may have ended, or been given up, while ECS was asked.
      if (this.#watched.get(one.dispatchId) !== one) continue
      const task = byArn.get(one.arn)
      if (task === undefined) this.#miss(one)
      else this.#observe(one, task)
      await this.#stopOverdue(one, signal)
    }
  }

  #observe(watched: Watched, task: EcsTask): void {
    const { clock } = this.#parts.host
    const { startTimeoutMs, unclearGraceMs } = this.#parts.settings
    const now = clock.now()
    const verdict = classifyTask(task, this.#parts.settings.containerName)
    watched.version = task.version ?? 0
    watched.missingSince = null
    watched.verdict = verdict
    watched.unclearSince = verdict.kind === 'unknown' ? (watched.unclearSince ?? now) : null
    watched.isOverdue = verdict.kind === 'starting' && startTimeoutMs !== null && now - watched.since >= startTimeoutMs
    const hasLasted = watched.unclearSince !== null && now - watched.unclearSince >= unclearGraceMs
    const exit = exitOfVerdict(verdict, hasLasted)
    if (exit !== null) return this.#end(watched, exit)
    if (verdict.kind === 'running') {
      watched.runningSince ??= now
      this.#parts.running(watched.dispatchId, watched.arn)
    }
    watched.askAt = now + nextPollMs(verdict.kind, now - watched.since, this.#pace)
  }

  /** ECS forgets tasks an hour after they stopped, and knows some not yet that it has just started. */
  #miss(watched: Watched): void {
    const { missingGraceMs } = this.#parts.settings
    const now = this.#parts.host.clock.now()
    watched.missingSince ??= now
    watched.askAt = now + this.#pace.shortestMs
    if (now - watched.missingSince < missingGraceMs) return
    this.#end(watched, { kind: 'lost', detail: `ECS has known no task ${watched.arn} for ${missingGraceMs} ms.` })
  }

  #end(watched: Watched, exit: WorkloadExit): void {
    this.#watched.delete(watched.dispatchId)
    this.#parts.ended(watched.dispatchId, exit, watched.arn)
  }

  /** What does not come to its start is stopped; that it then never started, ECS says itself. */
  async #stopOverdue(watched: Watched, signal: AbortSignal): Promise<void> {
    if (!watched.isOverdue || !this.#watched.has(watched.dispatchId)) return
    const reason = `Fairlead: not started within ${this.#parts.settings.startTimeoutMs} ms`
    await this.#parts.api.stopTask(clusterOfArn(watched.arn), watched.arn, reason, signal)
  }

  #judge(errors: readonly Error[]): void {
    const { host, random } = this.#parts
    const first = errors.find((error) => failureOf(error).kind !== 'throttled')
    if (first !== undefined) throw first
    this.#throttledInARow = errors.length > 0 ? this.#throttledInARow + 1 : 0
    if (this.#throttledInARow === 0) return
    const afterMs = fullJitterMs(THROTTLED, this.#throttledInARow, random)
    this.#notBefore = host.clock.now() + afterMs
    host.log.debug('ECS throttles questions about tasks', { afterMs })
  }
}

/** What a worker may take from the start of its container to its first word. */
const WORKER_START_MS = 120_000

const UNSEEN = {
  version: 0,
  verdict: null,
  runningSince: null,
  missingSince: null,
  unclearSince: null,
  isOverdue: false,
}
