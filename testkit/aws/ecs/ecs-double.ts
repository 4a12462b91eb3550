import { randomBytes } from 'node:crypto'
import { ACCOUNT } from '../iam/identities.ts'
import type { Images } from '../containers/images.ts'
import type { DoubleClock } from '../double-clock.ts'
import type { LogStore } from '../logs/log-store.ts'
import { AwsError } from '../wire/aws-error.ts'
import { ClientTokens } from './client-tokens.ts'
import type { Cluster, ClusterSpec, TaskDefinition, TaskDefinitionSpec } from './stage.ts'
import { EcsTask, type TaskFacts } from './task.ts'
import type { TaskStatus } from './task-status.ts'

/** What ECS lives on. */
export interface EcsParts {
  readonly region: string
  readonly clock: DoubleClock
  readonly images: Images
  readonly logs: LogStore
  readonly stepMs: number
  readonly onChange: (task: EcsTask) => void
}

/** How long a stopped task is still described. AWS promises at least this. */
const STOPPED_TASKS_LAST_MS = 60 * 60 * 1000

/** ECS as a test sees it: it sets the stage, looks at tasks, and does to them what happens to tasks. */
export class EcsDouble {
  /** How many calls of Describe and List miss a task that was just started, as AWS's eventual consistency allows. */
  consistencyLag = 0
  /** How long a task stays in each status on its way. */
  stepMs: number
  readonly tokens = new ClientTokens()
  readonly #parts: EcsParts
  readonly #clusters = new Map<string, Cluster>()
  readonly #definitions = new Map<string, TaskDefinition[]>()
  readonly #tasks = new Map<string, EcsTask>()
  readonly #held = new Set<TaskStatus>()
  #startFailures: string[] = []

  constructor(parts: EcsParts) {
    this.#parts = parts
    this.stepMs = parts.stepMs
  }

  /** Makes a cluster, or changes it. Answers its ARN. */
  defineCluster(spec: ClusterSpec): string {
    const arn = `arn:aws:ecs:${this.#parts.region}:${ACCOUNT}:cluster/${spec.name}`
    this.#clusters.set(spec.name, { ...spec, arn })
    return arn
  }

  /** Registers a revision of a task definition. Answers its ARN. */
  defineTaskDefinition(spec: TaskDefinitionSpec): string {
    const revisions = this.#definitions.get(spec.family) ?? []
    const revision = revisions.length + 1
    const arn = `arn:aws:ecs:${this.#parts.region}:${ACCOUNT}:task-definition/${spec.family}:${revision}`
    const registeredAt = this.#parts.clock.now()
    this.#definitions.set(spec.family, [...revisions, { ...spec, arn, revision, registeredAt, status: 'ACTIVE' }])
    return arn
  }

  deregisterTaskDefinition(arn: string): void {
    const definition = this.findDefinition(arn)
    if (definition === null) throw new Error(`There is no task definition ${arn}.`)
    definition.status = 'INACTIVE'
  }

  /** ARNs of tasks that are not stopped yet. */
  running(): readonly string[] {
    return this.tasks()
      .filter(({ status }) => status !== 'STOPPED')
      .map(({ facts }) => facts.arn)
  }

  /** Every task that is still described, oldest first. */
  tasks(): readonly EcsTask[] {
    this.#expire()
    return [...this.#tasks.values()]
  }

  /** Resolves when a task is stopped. */
  async ended(arn: string): Promise<void> {
    await this.task(arn).over
  }

  /** Tasks that were started with this `startedBy`. */
  startedBy(startedBy: string): readonly EcsTask[] {
    return this.tasks().filter(({ facts }) => facts.startedBy === startedBy)
  }

  /** Process ids of the first processes of a task's containers. */
  pidsOf(arn: string): readonly number[] {
    return this.task(arn).containers.flatMap(({ process }) => process?.pid ?? [])
  }

  /** Kills the process of a task from outside. ECS sees its container exit. */
  kill(arn: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): void {
    this.task(arn).kill(signal)
  }

  /** Kills it for the memory it used. */
  killForMemory(arn: string): void {
    this.task(arn).kill('SIGKILL', 'OutOfMemoryError: Container killed due to memory usage')
  }

  /** The machine under a task dies: no exit code, ever. */
  loseHost(arn: string): void {
    this.task(arn).loseHost('Host EC2 (instance i-0123456789abcdef0) terminated.')
  }

  /** Spot capacity is reclaimed: SIGTERM, and SIGKILL after its stop timeout. */
  interruptSpot(arn: string): void {
    this.task(arn).requestStop('SpotInterruption', 'Your Spot Task was interrupted.')
  }

  /** Ends a task and forgets it without a trace: from now on it is MISSING. */
  async vanish(arn: string): Promise<void> {
    const task = this.task(arn)
    this.#tasks.delete(arn)
    await task.remove()
  }

  /** The next tasks cannot be started, and say so: `ResourceInitializationError: …`. */
  failStarts(reason: string, times = 1): void {
    this.#startFailures.push(...Array.from({ length: times }, () => reason))
  }

  /** Keeps tasks in this status until released. */
  hold(status: TaskStatus): void {
    this.#held.add(status)
  }

  release(status: TaskStatus): void {
    this.#held.delete(status)
  }

  task(arn: string): EcsTask {
    const task = this.#tasks.get(arn)
    if (task === undefined) throw new Error(`There is no task ${arn}.`)
    return task
  }

  /** Starts a task. For the API, which has checked everything. */
  launch(facts: Omit<TaskFacts, 'id' | 'arn'>): EcsTask {
    const id = randomBytes(16).toString('hex')
    const arn = `arn:aws:ecs:${this.#parts.region}:${ACCOUNT}:task/${facts.cluster.name}/${id}`
    const task = new EcsTask(
      { ...facts, id, arn },
      {
        ...this.#parts,
        stepMs: () => this.stepMs,
        isHeld: (status) => this.#held.has(status),
        takeStartFailure: () => this.#startFailures.shift() ?? null,
      },
    )
    task.unseen = this.consistencyLag
    this.#tasks.set(arn, task)
    this.#parts.onChange(task)
    void task.live()
    return task
  }

  /** A cluster by name or ARN; null where there is none. */
  findCluster(nameOrArn = 'default'): Cluster | null {
    return this.#clusters.get(nameOrArn.split('/').at(-1) ?? '') ?? null
  }

  /** A cluster that can be used. Throws what the API answers. */
  cluster(nameOrArn?: string): Cluster {
    const cluster = this.findCluster(nameOrArn)
    if (cluster === null) throw new AwsError('ClusterNotFoundException', 'Cluster not found.')
    if (cluster.status === 'INACTIVE')
      throw new AwsError('ClusterNotFoundException', 'The referenced cluster was inactive.')
    return cluster
  }

  /** A task definition by family (the newest active), `family:revision` or ARN; null where there is none. */
  findDefinition(nameOrArn: string): TaskDefinition | null {
    const [family = '', revision] = (nameOrArn.split('/').at(-1) ?? '').split(':')
    const revisions = this.#definitions.get(family) ?? []
    if (revision === undefined) return revisions.findLast(({ status }) => status === 'ACTIVE') ?? null
    return revisions.find((definition) => definition.revision === Number(revision)) ?? null
  }

  /** A task by id or ARN in a cluster, whether it can be seen yet or not; null where there is none. */
  findTask(cluster: Cluster, idOrArn: string): EcsTask | null {
    this.#expire()
    const id = idOrArn.split('/').at(-1) ?? ''
    const task = this.#tasks.get(`arn:aws:ecs:${this.#parts.region}:${ACCOUNT}:task/${cluster.name}/${id}`)
    return task ?? null
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tasks.values()].map(async (task) => await task.remove()))
    this.#tasks.clear()
  }

  #expire(): void {
    const before = this.#parts.clock.now() - STOPPED_TASKS_LAST_MS
    for (const [arn, { times }] of this.#tasks) {
      if (times.stoppedAt !== undefined && times.stoppedAt < before) this.#tasks.delete(arn)
    }
  }
}
