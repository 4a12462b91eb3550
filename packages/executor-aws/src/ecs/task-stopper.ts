import type { ExecutorHost } from '@fairlead/executor'
import type { DispatchId, TaskInstanceRef } from '@fairlead/protocol'
import { failureOf } from '../shared/aws-failure.ts'
import type { LaunchRows } from '../shared/launch-rows.ts'
import { mintedAt } from '../shared/minted-at.ts'
import { patiently } from '../shared/patient-calls.ts'
import type { EcsApi } from './ecs-api.ts'
import { isGone } from './ecs-task.ts'
import { effectiveOptions } from './effective-options.ts'
import type { EcsSettings } from './settings.ts'
import type { TaskFinder } from './task-finder.ts'
import { clusterOfArn } from './task-identity.ts'
import type { TaskLauncher } from './task-launcher.ts'

/** What a stopper works with. */
export interface StopperParts {
  readonly host: Pick<ExecutorHost, 'name' | 'clock' | 'log'>
  readonly settings: EcsSettings
  readonly api: EcsApi
  readonly finder: TaskFinder
  readonly launcher: TaskLauncher
  readonly rows: LaunchRows
  readonly random: () => number
}

const LOOK_EVERY_MS = 500

/** Stops tasks, and says so once they are gone and not before. */
export class TaskStopper {
  readonly #parts: StopperParts

  constructor(parts: StopperParts) {
    this.#parts = parts
  }

  /** Resolves when the task of a hand-over is gone, or there is none. Throws while that cannot be said. */
  async stop(taskInstance: TaskInstanceRef, reason: string, signal: AbortSignal): Promise<void> {
    const { dispatchId } = taskInstance
    const launch = await abortable(this.#parts.launcher.settled(dispatchId), signal)
    // What was refused here, an earlier scheduler may have begun.
    const sentAt = launch === null || launch.outcome === 'refused' ? null : launch.sentAt
    const known = launch?.arn ?? taskInstance.externalId
    const arn = known ?? (await this.#look(taskInstance, sentAt, signal))
    if (arn !== null) await this.#stop({ dispatchId, arn, bornAt: sentAt ?? mintedAt(dispatchId) }, reason, signal)
  }

  /** Clusters in which the task of a hand-over may be. */
  async clustersOf({ dispatchId, queue }: TaskInstanceRef): Promise<readonly string[]> {
    const { settings, rows } = this.#parts
    const { place } = await rows.read(dispatchId)
    const usual = effectiveOptions(settings, queue, null)
    return [place, usual.kind === 'options' ? usual.options.cluster : settings.cluster].filter((one) => one !== null)
  }

  /** A task of which no answer told shows up late in lists: it is looked for until it would have. */
  async #look(taskInstance: TaskInstanceRef, sentAt: number | null, signal: AbortSignal): Promise<string | null> {
    const { clock } = this.#parts.host
    const clusters = await this.clustersOf(taskInstance)
    for (;;) {
      const task = await this.#parts.finder.find(clusters, taskInstance.dispatchId, signal)
      if (task?.taskArn !== undefined) return task.taskArn
      if (sentAt === null || clock.now() - sentAt >= this.#parts.settings.missingGraceMs) return null
      await clock.sleep(LOOK_EVERY_MS, signal)
    }
  }

  async #stop(task: DoomedTask, reason: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.host
    for (let look = 0; ; look += 1) {
      if (await this.#isGone(task, signal)) return
      // Asked again now and then: ECS may not have known the task the first time.
      if (look % 10 === 0) await this.#ask(task, reason, signal)
      else await clock.sleep(LOOK_EVERY_MS, signal)
    }
  }

  async #isGone({ dispatchId, arn, bornAt }: DoomedTask, signal: AbortSignal): Promise<boolean> {
    const { host, settings, finder } = this.#parts
    const task = await finder.byArn(arn, signal)
    if (task === null) return host.clock.now() - bornAt >= settings.missingGraceMs
    return isGone(task) || !finder.isOurs(task, dispatchId)
  }

  async #ask({ arn }: DoomedTask, reason: string, signal: AbortSignal): Promise<void> {
    const { api, host, random } = this.#parts
    try {
      await patiently(() => api.stopTask(clusterOfArn(arn), arn, reason, signal), { clock: host.clock, random, signal })
    } catch (error) {
      if (!isUnknownTask(error)) throw error
      host.log.debug('ECS does not know a task that is to stop', { arn, detail: failureOf(error).detail })
    }
  }
}

interface DoomedTask {
  readonly dispatchId: DispatchId
  readonly arn: string
  readonly bornAt: number
}

/** What ECS calls a task that it does not have, whatever the words. */
function isUnknownTask(error: unknown): boolean {
  return error instanceof Error && error.name === 'InvalidParameterException'
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return await new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
