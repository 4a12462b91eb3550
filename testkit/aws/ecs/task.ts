import { Container, type ContainerEnd } from '../containers/container.ts'
import type { Images } from '../containers/images.ts'
import { WORKER_IMAGE } from '../containers/images.ts'
import type { DoubleClock } from '../double-clock.ts'
import type { LogStore } from '../logs/log-store.ts'
import type { TaskOverrides } from './run-task-input.ts'
import type { Cluster, ContainerDefinition, TaskDefinition } from './stage.ts'
import { nextStatus, type DesiredStatus, type StopCode, type TaskStatus } from './task-status.ts'

/** What a task is from the start. */
export interface TaskFacts {
  readonly id: string
  readonly arn: string
  readonly cluster: Cluster
  readonly definition: TaskDefinition
  readonly overrides: TaskOverrides
  readonly launchType: 'FARGATE' | 'EC2' | null
  readonly capacityProvider: string | null
  readonly startedBy: string | null
  readonly group: string
  readonly platformVersion: string
  readonly subnet: string | null
  /** Which of its cluster's instances it is on; null on Fargate. */
  readonly instance: number | null
  readonly isExecuteCommandEnabled: boolean
  readonly tags: ReadonlyArray<{ readonly key: string; readonly value: string }>
}

/** What a task lives on. */
export interface TaskSurroundings {
  readonly region: string
  readonly clock: DoubleClock
  readonly images: Images
  readonly logs: LogStore
  /** How long a task stays in each status that it only passes. */
  readonly stepMs: () => number
  /** True while a test keeps tasks in this status. */
  readonly isHeld: (status: TaskStatus) => boolean
  /** Why this task cannot be started, when a test ordered so. */
  readonly takeStartFailure: () => string | null
  readonly onChange: (task: EcsTask) => void
}

/** One container of a task, and what ECS knows of it. */
export interface TaskContainer {
  readonly definition: ContainerDefinition
  readonly id: string
  process: Container | null
  status: 'PENDING' | 'RUNNING' | 'STOPPED'
  exitCode: number | null
  reason: string | null
}

const HELD_POLL_MS = 5
const DEFAULT_STOP_TIMEOUT_S = 30

/**
 * A task of ECS with its containers, from PROVISIONING to STOPPED.
 *
 * Invariants: the first cause of its stop is never overwritten; `startedAt` is set if and only if its containers ran; an exit
 * code is known only for a container that ran and whose host was there to see it end.
 */
export class EcsTask {
  readonly facts: TaskFacts
  readonly containers: readonly TaskContainer[]
  status: TaskStatus = 'PROVISIONING'
  desired: DesiredStatus = 'RUNNING'
  stop: { readonly code: StopCode; readonly reason: string } | null = null
  version = 1
  readonly times: Partial<Record<TaskTime, number>> = {}
  /** How many calls of Describe and List still miss it. */
  unseen = 0
  /** Resolves when it has stopped, or was removed. */
  readonly over: Promise<void>
  readonly #around: TaskSurroundings
  readonly #stopped: Promise<void>
  #onStop: () => void = () => undefined
  #onOver: () => void = () => undefined
  #isHostLost = false
  #isGone = false

  constructor(facts: TaskFacts, around: TaskSurroundings) {
    this.facts = facts
    this.#around = around
    this.containers = facts.definition.containers.map((definition, index) => ({
      definition,
      id: `${facts.id}-${index}`,
      process: null,
      status: 'PENDING',
      exitCode: null,
      reason: null,
    }))
    this.times.createdAt = around.clock.now()
    this.#stopped = new Promise((resolve) => (this.#onStop = resolve))
    this.over = new Promise((resolve) => (this.#onOver = resolve))
  }

  /** Lives until it is stopped, or removed without a trace. */
  async live(): Promise<void> {
    while (this.status !== 'STOPPED' && !this.#isGone) {
      await this.#stay()
      const next = nextStatus(this.status, this.desired)
      if (next !== null) await this.#enter(next)
    }
    this.#onOver()
  }

  /** Wants it stopped. Only the first cause counts. */
  requestStop(code: StopCode, reason: string): void {
    if (this.desired === 'STOPPED') return
    this.desired = 'STOPPED'
    this.stop = { code, reason }
    this.times.stoppingAt = this.#around.clock.now()
    this.#changed()
    this.#onStop()
  }

  /** Kills one container's processes, of the essential ones by default, as the kernel would. */
  kill(signal: 'SIGTERM' | 'SIGKILL', reason: string | null = null): void {
    const target = this.#essential.find(({ process }) => process !== null)
    if (target === undefined) return
    target.reason = reason ?? target.reason
    target.process?.signal(signal)
  }

  /** The machine under it is gone: its processes are, and nobody saw how they ended. */
  loseHost(reason: string): void {
    this.#isHostLost = true
    this.requestStop('TerminationNotice', reason)
    for (const { process } of this.containers) process?.signal('SIGKILL')
  }

  /** Ends everything at once and lets nobody know. */
  async remove(): Promise<void> {
    this.#isGone = true
    this.#onStop()
    for (const { process } of this.containers) process?.signal('SIGKILL')
    await this.#allEnded()
  }

  get #essential(): readonly TaskContainer[] {
    return this.containers.filter(({ definition }) => definition.essential ?? true)
  }

  async #stay(): Promise<void> {
    if (this.status === 'RUNNING') return await this.#stopped
    if (this.status === 'STOPPING') return await this.#allEnded()
    await this.#pause(this.#around.stepMs())
    while (this.desired === 'RUNNING' && !this.#isGone && this.#around.isHeld(this.status))
      await this.#pause(HELD_POLL_MS)
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#around.clock.after(ms, resolve))
  }

  async #enter(next: TaskStatus): Promise<void> {
    const now = this.#around.clock.now()
    if (next === 'PENDING') this.times.pullStartedAt = now
    if (next === 'ACTIVATING' && !this.#pull(now)) return
    if (next === 'RUNNING' && !(await this.#start())) return
    if (next === 'STOPPING') this.#end()
    if (next === 'DEPROVISIONING') this.#close()
    if (next === 'STOPPED') this.times.stoppedAt = now
    if (this.#isGone) return
    this.status = next
    this.#changed()
  }

  #pull(now: number): boolean {
    const missing = this.containers.find(({ definition }) => this.#around.images.find(imageOf(definition)) === null)
    const reason = this.#around.takeStartFailure() ?? (missing === undefined ? null : notPulled(missing.definition))
    if (reason === null) {
      this.times.pullStoppedAt = now
      return true
    }
    const target = missing ?? this.containers[0]
    if (target !== undefined) target.reason = reason
    this.requestStop('TaskFailedToStart', reason)
    return false
  }

  async #start(): Promise<boolean> {
    for (const container of this.containers) container.process = this.#containerOf(container.definition)
    const started = await Promise.all(this.containers.map(async ({ process }) => await process?.started))
    for (const container of this.containers) {
      container.status = 'RUNNING'
      void container.process?.ended.then((end) => this.#onContainerEnd(container, end))
    }
    if (started.includes(false)) return false
    this.times.startedAt = this.#around.clock.now()
    return true
  }

  #containerOf(definition: ContainerDefinition): Container {
    const { region, logs, images, clock } = this.#around
    const override = this.facts.overrides.containerOverrides?.find(({ name }) => name === definition.name)
    const environment = [...(definition.environment ?? []), ...(override?.environment ?? [])]
    const image = images.find(imageOf(definition))
    if (image === null) throw new Error(`The image of ${definition.name} was removed while a task started.`)
    const stream = this.#logStreamOf(definition)
    return new Container(
      {
        image,
        entryPoint: definition.entryPoint ?? null,
        command: override?.command ?? definition.command ?? null,
        environment: {
          AWS_REGION: region,
          AWS_DEFAULT_REGION: region,
          AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
          ...Object.fromEntries(environment.map(({ name, value }) => [name, value])),
        },
        onLine: (line) => (stream === null ? undefined : logs.append(stream.group, stream.name, line)),
      },
      clock,
    )
  }

  #logStreamOf({ name, logConfiguration }: ContainerDefinition): { group: string; name: string } | null {
    const { 'awslogs-group': group, 'awslogs-stream-prefix': prefix } = logConfiguration?.options ?? {}
    return group === undefined ? null : { group, name: `${prefix ?? 'ecs'}/${name}/${this.facts.id}` }
  }

  #onContainerEnd(container: TaskContainer, end: ContainerEnd): void {
    container.status = 'STOPPED'
    if (end.kind === 'notStarted') container.reason = end.reason
    else if (!this.#isHostLost) container.exitCode = end.exitCode
    if (this.#isGone) return
    this.#changed()
    if (end.kind === 'notStarted') this.requestStop('TaskFailedToStart', end.reason)
    else if (container.definition.essential ?? true)
      this.requestStop('EssentialContainerExited', 'Essential container in task exited')
  }

  #end(): void {
    for (const { process, status, definition } of this.containers) {
      if (process === null || status === 'STOPPED') continue
      process.signal('SIGTERM')
      const timeoutMs = (definition.stopTimeout ?? DEFAULT_STOP_TIMEOUT_S) * 1000
      const cancel = this.#around.clock.after(timeoutMs, () => process.signal('SIGKILL'))
      void process.ended.then(cancel)
    }
  }

  #close(): void {
    if (this.times.startedAt !== undefined) this.times.executionStoppedAt = this.#around.clock.now()
    for (const container of this.containers) container.status = 'STOPPED'
  }

  async #allEnded(): Promise<void> {
    await Promise.all(this.containers.map(async ({ process }) => await process?.ended))
  }

  #changed(): void {
    this.version += 1
    this.#around.onChange(this)
  }
}

/** Moments of a task's life that ECS tells. */
export type TaskTime =
  | 'createdAt'
  | 'pullStartedAt'
  | 'pullStoppedAt'
  | 'startedAt'
  | 'stoppingAt'
  | 'executionStoppedAt'
  | 'stoppedAt'

/** The image of a container, the repository's own worker where none is named. */
export function imageOf({ image }: ContainerDefinition): string {
  return image ?? WORKER_IMAGE
}

function notPulled(definition: ContainerDefinition): string {
  return `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${imageOf(definition)}: not found`
}
