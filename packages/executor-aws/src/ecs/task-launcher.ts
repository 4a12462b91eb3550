import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import { launchPostponed, launchRefused, outcomeUnknown, type ExecutorHost } from '@fairlead/executor'
import type { DispatchId, ExecuteTask, TaskInstanceRef } from '@fairlead/protocol'
import { failureOf, type AwsFailure } from '../shared/aws-failure.ts'
import type { LaunchGate } from '../shared/launch-gate.ts'
import { decideLaunch, type LaunchHistory } from '../shared/launch-policy.ts'
import type { LaunchRows } from '../shared/launch-rows.ts'
import type { ClusterFacts } from './cluster-facts.ts'
import type { EcsApi } from './ecs-api.ts'
import { effectiveOptions, type EffectiveOptions } from './effective-options.ts'
import { failureOfReasons, failureOfRunTask } from './launch-failure.ts'
import type { EcsOptions } from './options.ts'
import { problemOfRequest, runTaskRequest } from './run-task-request.ts'
import type { EcsSettings } from './settings.ts'
import type { TaskFinder } from './task-finder.ts'

/** What a launcher works with. */
export interface LauncherParts {
  readonly host: ExecutorHost
  readonly settings: EcsSettings
  readonly api: EcsApi
  readonly clusters: ClusterFacts
  readonly finder: TaskFinder
  readonly gate: LaunchGate
  readonly rows: LaunchRows
  readonly random: () => number
}

/** How one workload is to be launched. */
export interface LaunchOptions {
  readonly queue: string
  readonly own: EcsOptions
  /** Once aborted, nothing is begun any more. */
  readonly signal: AbortSignal
}

/** What this instance knows of the launch of one hand-over. */
export interface LaunchRecord {
  readonly cluster: string
  /** When the last request was sent, by the executor's clock. */
  readonly sentAt: number
  readonly outcome: 'refused' | 'unknown' | 'launched'
  readonly arn: string | null
  readonly taskInstance: TaskInstanceRef
}

/**
 * Turns a workload into one call of RunTask.
 *
 * Invariant 1: a request that may have been carried out is repeated with its own token, and none other.
 * Invariant 2: a call under way is never cut off: whoever wants the task gone waits for its ARN.
 */
export class TaskLauncher {
  readonly #parts: LauncherParts
  readonly #records = new Map<DispatchId, LaunchRecord>()
  readonly #underWay = new Map<DispatchId, Promise<null>>()

  constructor(parts: LauncherParts) {
    this.#parts = parts
  }

  /**
   * The ARN of the task. A throw says that it never started, is postponed, or of unknown outcome. Under way from the first
   * turn on: who wants the task gone waits for all of it.
   */
  async launch(workload: ExecuteTask, options: LaunchOptions): Promise<string> {
    const { dispatchId } = workload.taskInstance
    const before = this.#underWay.get(dispatchId) ?? Promise.resolve(null)
    const call = before.then(() => this.#launch(workload, options))
    const settled = call.then(nothing, nothing)
    this.#underWay.set(dispatchId, settled)
    try {
      return await call
    } finally {
      if (this.#underWay.get(dispatchId) === settled) this.#underWay.delete(dispatchId)
    }
  }

  /** What became of the launch of a hand-over, once no call for it is under way; null when this instance made none. */
  async settled(dispatchId: DispatchId): Promise<LaunchRecord | null> {
    await this.#underWay.get(dispatchId)
    return this.#records.get(dispatchId) ?? null
  }

  /** The task instances that may have a task, with its ARN where it is known. */
  get launched(): readonly TaskInstanceRef[] {
    return [...this.#records.values()].flatMap(({ outcome, taskInstance, arn }) =>
      outcome === 'refused' ? [] : [{ ...taskInstance, externalId: arn }],
    )
  }

  hasLaunched(dispatchId: DispatchId): boolean {
    return this.#records.get(dispatchId)?.outcome === 'launched'
  }

  forget(dispatchId: DispatchId): void {
    this.#records.delete(dispatchId)
  }

  async #launch(workload: ExecuteTask, { queue, own, signal }: LaunchOptions): Promise<string> {
    const { gate, settings, rows } = this.#parts
    const { dispatchId } = workload.taskInstance
    const waitMs = gate.waitMs()
    if (waitMs > 0) throw launchPostponed(gate.reason ?? '', waitMs)
    const answer = effectiveOptions(settings, queue, own)
    if (answer.kind === 'refused') throw launchRefused(answer.detail)
    const history = await rows.read(dispatchId)
    const placed = await this.#placed(dispatchId, answer.options, { queue, history })
    if (signal.aborted) throw launchPostponed('It was given up before ECS was asked.', 0)
    return await this.#run(workload, answer.options, placed)
  }

  /** Notes where a task goes, before it goes there, when that cannot be told from its queue. */
  async #placed(
    dispatchId: DispatchId,
    { cluster }: EffectiveOptions,
    { queue, history }: { readonly queue: string; readonly history: LaunchHistory },
  ): Promise<LaunchHistory> {
    const usual = effectiveOptions(this.#parts.settings, queue, null)
    const isUsual = usual.kind === 'options' && usual.options.cluster === cluster
    if (isUsual || history.place === cluster) return history
    const placed = { ...history, place: cluster }
    await this.#parts.rows.write(dispatchId, placed)
    return placed
  }

  async #run(workload: ExecuteTask, options: EffectiveOptions, history: LaunchHistory): Promise<string> {
    const { host, settings } = this.#parts
    const { taskInstance } = workload
    const { dispatchId } = taskInstance
    const request = runTaskRequest({
      executorName: host.name,
      workload,
      options,
      worker: { apiUrl: settings.apiUrl ?? host.apiUrl, logUrl: settings.logUrl },
      command: settings.command,
      request: history.request,
    })
    const problem = problemOfRequest(request)
    if (problem !== null) throw launchRefused(problem)
    // What this request does not do, the one before it may have done.
    const wasUnknown = this.#records.get(dispatchId)?.outcome === 'unknown'
    const answer = await this.#send(dispatchId, request, options)
    const note = (outcome: LaunchRecord['outcome'], arn: string | null = null): void =>
      void this.#records.set(dispatchId, {
        cluster: options.cluster,
        sentAt: host.clock.now(),
        outcome,
        arn,
        taskInstance,
      })
    if (answer.kind === 'started') {
      note('launched', answer.arn)
      return answer.arn
    }
    note(answer.failure.kind === 'unknown' || wasUnknown ? 'unknown' : 'refused')
    throw await this.#failed(dispatchId, answer.failure, { history, wasUnknown })
  }

  async #send(dispatchId: DispatchId, request: RunTaskCommandInput, options: EffectiveOptions): Promise<Answer> {
    const { api, clusters, gate } = this.#parts
    let defaults: Awaited<ReturnType<ClusterFacts['launchDefaults']>>
    try {
      defaults = await clusters.launchDefaults(options)
    } catch (error) {
      const failure = failureOf(error)
      return { kind: 'failed', failure: failure.kind === 'unknown' ? { ...failure, kind: 'unreachable' } : failure }
    }
    try {
      const { tasks, failures } = await api.runTask({ ...request, ...defaults })
      gate.open()
      const arn = tasks[0]?.taskArn
      if (arn !== undefined) return { kind: 'started', arn }
      if (failures.length > 0) return { kind: 'failed', failure: failureOfReasons(failures) }
      return unknown('ECS answered RunTask with neither a task nor a failure.')
    } catch (error) {
      return isConflict(error)
        ? await this.#startedBefore(dispatchId, options)
        : { kind: 'failed', failure: failureOfRunTask(error) }
    }
  }

  /** The token was used with another launch ticket: an earlier scheduler started the task, and never heard of it. */
  async #startedBefore(dispatchId: DispatchId, { cluster }: EffectiveOptions): Promise<Answer> {
    try {
      const task = await this.#parts.finder.find([cluster], dispatchId, AbortSignal.timeout(FIND_MS))
      if (task?.taskArn !== undefined) return { kind: 'started', arn: task.taskArn }
      return unknown('ECS has started it before, and does not list it yet.')
    } catch (error) {
      return unknown(`ECS has started it before, and does not say where. ${failureOf(error).detail}`)
    }
  }

  /** What is to be thrown for a request that started nothing, or nobody knows what. */
  async #failed(
    dispatchId: DispatchId,
    failure: AwsFailure,
    { history, wasUnknown }: { readonly history: LaunchHistory; readonly wasUnknown: boolean },
  ): Promise<Error> {
    const { gate, rows, settings, host, random } = this.#parts
    const { capacityTimeoutMs, capacityBackoff } = settings
    const gateMs = gate.close(failure)
    const decision = decideLaunch(failure, history, {
      now: host.clock.now(),
      random,
      capacityTimeoutMs,
      capacityBackoff,
      gateMs,
    })
    if (decision.kind === 'repeat') return outcomeUnknown(decision.detail)
    if (decision.kind === 'refuse') return launchRefused(decision.detail)
    const next = wasUnknown ? { ...decision.history, request: history.request } : decision.history
    if (decision.history !== history) await rows.write(dispatchId, next)
    return launchPostponed(decision.detail, decision.afterMs)
  }
}

/** How long to look for a task that ECS says it has. */
const FIND_MS = 10_000

type Answer =
  | { readonly kind: 'started'; readonly arn: string }
  | { readonly kind: 'failed'; readonly failure: AwsFailure }

function unknown(detail: string): Answer {
  return { kind: 'failed', failure: { kind: 'unknown', detail } }
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConflictException'
}

function nothing(): null {
  return null
}
