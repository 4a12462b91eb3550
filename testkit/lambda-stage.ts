import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LambdaExecutor } from '@fairlead/executor-aws/lambda'
import type { ExecuteTask } from '@fairlead/protocol'
import { afterEach, beforeEach, vi } from 'vitest'
import { startAwsDouble, type AwsDouble } from './aws/index.ts'
import { ExecutorBench } from './executor-bench.ts'
import { taskWorkload } from './sample-workloads.ts'

/** Module of the functions on the stage. */
export const HANDLER: string = fileURLToPath(new URL('lambda-handlers/scripted.mjs', import.meta.url))
/** How Lambda treats their events. */
export const EVENT_INVOKE = { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60 } as const

type Definition = Parameters<AwsDouble['lambda']['defineFunction']>[0]

/** A double of AWS Lambda and SQS for each test of a file, and benches for executors on it. */
export class LambdaStage {
  resultQueueUrl = ''
  deadLetterQueueUrl = ''
  readonly #stands: ExecutorBench[] = []
  #double: AwsDouble | null = null
  #folder = ''

  /** Registers what sets the stage before each test, and clears it afterwards. */
  constructor() {
    beforeEach(async () => {
      this.#double = await startAwsDouble()
      this.#folder = mkdtempSync(join(tmpdir(), 'fl-lambda-'))
      for (const [name, value] of Object.entries(this.double.environment)) vi.stubEnv(name, value)
      this.resultQueueUrl = this.double.sqs.createQueue('results')
      this.deadLetterQueueUrl = this.double.sqs.createQueue('dead')
      this.define('succeed')
    })
    afterEach(async () => {
      for (const stand of this.#stands.splice(0)) await detach(stand)
      vi.unstubAllEnvs()
      await this.double.close()
      rmSync(this.#folder, { recursive: true, force: true })
    })
  }

  get double(): AwsDouble {
    if (this.#double === null) throw new Error('The stage is not set: this is no test.')
    return this.#double
  }

  /** Deploys the function `tasks`, which does as the script says. */
  define(script: string, more: Partial<Definition> = {}): void {
    this.double.lambda.defineFunction({
      name: 'tasks',
      handlerPath: HANDLER,
      timeoutMs: 60_000,
      eventInvoke: EVENT_INVOKE,
      env: { SCRIPT: script, RELEASE: join(this.#folder, 'release') },
      ...more,
    })
  }

  /** Lets functions of the script `release` end. */
  release(): void {
    writeFileSync(join(this.#folder, 'release'), '')
  }

  bench(settings: object = {}, name = 'functions'): ExecutorBench {
    const { resultQueueUrl, deadLetterQueueUrl } = this
    const given = { functionName: 'tasks', resultQueueUrl, deadLetterQueueUrl, longPollSeconds: 1, ...settings }
    const stand = new ExecutorBench({ executorClass: LambdaExecutor, name, settings: given })
    this.#stands.push(stand)
    return stand
  }

  /** A bench whose executor has started. */
  async open(settings: object = {}, name = 'functions'): Promise<ExecutorBench> {
    const stand = this.bench(settings, name)
    await stand.executor.start(AbortSignal.timeout(10_000))
    return stand
  }

  /** Events that Lambda accepted for a workload. */
  eventsOf(workload: ExecuteTask): AwsDouble['lambda']['events'] {
    const { dispatchId } = workload.taskInstance
    return this.double.lambda.events.filter(({ event }) => Reflect.get(Object(event), 'dispatchId') === dispatchId)
  }
}

/** Lets go of queues, as the death of a process would. */
export async function detach(stand: ExecutorBench): Promise<void> {
  if (stand.executor instanceof LambdaExecutor) await stand.executor.detach()
}

/** The process is gone; the next one has started, and was not asked to adopt anything yet. */
export async function replaced(stand: ExecutorBench): Promise<void> {
  await detach(stand)
  stand.replace()
  await stand.executor.start(AbortSignal.timeout(10_000))
}

/** The one workload that was handed over, and its function invoked. */
export async function invoked(
  stand: ExecutorBench,
  given: Parameters<typeof taskWorkload>[0] = {},
): Promise<ExecuteTask> {
  const workload = taskWorkload(given)
  stand.handOver(workload)
  await stand.begin()
  return workload
}

/** What the handler sends when a workload has succeeded. */
export function resultOf(workload: ExecuteTask, executor = 'functions'): string {
  return JSON.stringify({
    type: 'fairlead.lambda.result',
    executor,
    dispatchId: workload.taskInstance.dispatchId,
    requestId: 'r-1',
    exit: { kind: 'exited', exitCode: 0 },
  })
}
