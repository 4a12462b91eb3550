import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { DispatchId, ExecuteTask, TaskInstanceId, TaskInstanceRef } from '@fairlead/protocol'
import type { ExecutorClass } from '../executor-class.ts'
import type { StandardResult } from '../standard-schema.ts'
import { demand, NotRun } from './violation.ts'
import type { Attempt, Laboratory, MintOptions, Probe } from './laboratory.ts'
import { isProcessAlive, killProcessGroup } from './local-processes.ts'
import { Stand, type StandParts } from './stand.ts'
import type { ConformanceHooks, Subject } from './subject.ts'

/** What a trial is given. */
export interface TrialParts {
  readonly executorClass: ExecutorClass
  readonly subject: Subject
  readonly hooks: ConformanceHooks
  readonly laboratory: Laboratory
  /** How long something that must happen may take. */
  readonly patienceMs: number
  /** How long a call into the executor may take. */
  readonly callPatienceMs: number
  /** How many workloads the invariant about many hands over. */
  readonly volume: number
}

/** One try of one invariant: stands, workloads and eyes. Whatever it opened is closed after it. */
export class Trial {
  readonly executorClass: ExecutorClass
  readonly laboratory: Laboratory
  readonly hooks: ConformanceHooks
  readonly volume: number
  readonly subject: Subject
  readonly #patience: Pick<TrialParts, 'patienceMs' | 'callPatienceMs'>
  readonly #stands: Stand[] = []

  constructor({ executorClass, laboratory, hooks, volume, subject, ...patience }: TrialParts) {
    this.executorClass = executorClass
    this.laboratory = laboratory
    this.hooks = hooks
    this.volume = volume
    this.subject = subject
    this.#patience = patience
  }

  /** A stand whose executor is not made yet. */
  async stand(given: Partial<StandParts> = {}): Promise<Stand> {
    const { executorClass, laboratory, hooks, subject } = this
    const folder = laboratory.newFolder()
    const stand = new Stand({
      executorClass,
      hooks,
      laboratory,
      name: this.#nextName(),
      settings: await this.settings(),
      parallelism: executorClass.isSingleThreaded ? 1 : DEFAULT_PARALLELISM,
      apiUrl: executorClass.isLocal ? laboratory.localApiUrl : laboratory.apiUrl,
      runFolder: join(folder, 'run'),
      logFolder: laboratory.logFolder,
      bundleFolder: laboratory.bundleFolder,
      executorConfig: subject.executorConfig ?? null,
      ...this.#patience,
      skewMs: 0,
      isServed: true,
      ...given,
    })
    this.#stands.push(stand)
    return stand
  }

  /** A stand whose executor has started. */
  async open(given: Partial<StandParts> = {}): Promise<Stand> {
    return await (await this.stand(given)).open()
  }

  async close(): Promise<void> {
    for (const stand of this.#stands.splice(0)) await stand.close()
  }

  /** The subject's settings, as the class's schema leaves them. */
  async settings(): Promise<Readonly<Record<string, unknown>>> {
    const given = this.subject.settings ?? {}
    const result: StandardResult | undefined = await this.executorClass.configSchema?.['~standard'].validate(given)
    if (result?.issues !== undefined) {
      throw new NotRun(`its settings are not valid: ${result.issues.map(({ message }) => message).join('; ')}`)
    }
    return (result?.value ?? given) as Readonly<Record<string, unknown>>
  }

  async mint(probe: Probe, options: MintOptions = {}): Promise<ExecuteTask> {
    const [workload] = await this.laboratory.mint(probe, 1, options)
    if (workload === undefined) throw new Error(`The laboratory made no workload of probe "${probe}".`)
    return workload
  }

  /** A task instance that nobody has ever heard of. */
  stranger(): TaskInstanceRef {
    return {
      id: randomUUID() as TaskInstanceId,
      dispatchId: randomUUID() as DispatchId,
      dagId: 'strange',
      runId: 'manual__strange',
      taskId: 'stranger',
      mapIndex: -1,
      tryNumber: 1,
      priorityWeight: 1,
      queue: 'default',
      externalId: null,
    }
  }

  /** Stands beside each other have names of their own, but for a class whose routes are mounted under one. */
  #nextName(): string {
    const { name } = this.subject
    if (name !== undefined) return name
    if (this.executorClass.getApiRoutes !== undefined) return DEFAULT_NAME
    return `${DEFAULT_NAME}-${randomUUID().slice(0, 8)}`
  }

  /** Waits until the API has let the workload run. */
  async began(stand: Stand, workload: ExecuteTask): Promise<Attempt> {
    return await stand.until('the workload runs', async () => {
      const attempt = await this.laboratory.attemptOf(workload)
      const exit = stand.endOf(workload)
      demand(exit === null || attempt.grants > 0, `It ended without having run: ${JSON.stringify(exit)}.`)
      return attempt.grants > 0 ? attempt : null
    })
  }

  /** Waits until the handler of a `family` probe runs: its process was let run some moments before. */
  async userCodeRuns(stand: Stand, workload: ExecuteTask): Promise<void> {
    const hasChild = async (): Promise<boolean> => (await this.laboratory.valueOf(workload, 'child')) !== undefined
    await stand.until('the task has started a child', hasChild)
  }

  /** True while a process of the workload lives, wherever it runs. */
  async lives(workload: ExecuteTask): Promise<boolean> {
    if (this.hooks.isAlive !== undefined) return await this.hooks.isAlive(workload)
    const pid = await this.#localPid(workload, 'isAlive')
    return pid !== null && isProcessAlive(pid)
  }

  /** Kills the process of the workload from outside. */
  async kill(workload: ExecuteTask): Promise<void> {
    if (this.hooks.kill !== undefined) return await this.hooks.kill(workload)
    const pid = await this.#localPid(workload, 'kill')
    if (pid !== null) killProcessGroup(pid)
  }

  async #localPid(workload: ExecuteTask, hook: string): Promise<number | null> {
    const { process } = await this.laboratory.attemptOf(workload)
    if (process === null) return null
    if (process.hostname === hostname()) return process.pid
    throw new NotRun(`its workloads run on ${process.hostname}, and there is no hook "${hook}"`)
  }
}

const DEFAULT_NAME = 'under-trial'
const DEFAULT_PARALLELISM = 4
