import type { ExecuteTask } from '@fairlead/protocol'
import { afterEach, beforeEach, vi } from 'vitest'
import { BatchExecutor } from '@fairlead/executor-aws/batch'
import { startAwsDouble, type AwsDouble } from './aws/index.ts'
import { eventually } from './eventually.ts'
import { ExecutorBench } from './executor-bench.ts'
import { taskWorkload } from './sample-workloads.ts'

/** Names on the stage. */
export const QUEUE = 'line'
export const DEFINITION = 'worker'

/** A double of AWS Batch for each test of a file, and benches for executors on it. */
export class BatchStage {
  #double: AwsDouble | null = null

  /** Registers what sets the stage before each test, and clears it afterwards. */
  constructor() {
    beforeEach(async () => {
      this.#double = await startAwsDouble()
      for (const [name, value] of Object.entries(this.double.environment)) vi.stubEnv(name, value)
      this.double.batch.defineQueue({ name: QUEUE })
      this.double.batch.defineJobDefinition({ name: DEFINITION, image: 'sh:latest' })
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await this.double.close()
    })
  }

  get double(): AwsDouble {
    if (this.#double === null) throw new Error('The stage is not set: this is no test.')
    return this.#double
  }

  /** A bench whose jobs run a line of shell. */
  bench(script: string, settings: object = {}, parallelism = 32): ExecutorBench {
    return new ExecutorBench({
      executorClass: BatchExecutor,
      parallelism,
      settings: {
        jobQueue: QUEUE,
        jobDefinition: DEFINITION,
        command: [script],
        poll: { shortestMs: 10 },
        submitSettleMs: 0,
        ...settings,
      },
    })
  }

  /** What was sent for a workload. */
  inputOf(workload: ExecuteTask): ReturnType<AwsDouble['batch']['named']>[number]['facts']['input'] {
    const [job] = this.double.batch.named(nameOf(workload))
    if (job === undefined) throw new Error('It was not submitted.')
    return job.facts.input
  }
}

/** The name that the bench's executor gives the job of a workload. */
export function nameOf({ taskInstance }: ExecuteTask): string {
  return `fairlead-bench-${taskInstance.dispatchId}`
}

/** Hands workloads over. */
export function handOver(stand: ExecutorBench, count = 1): ExecuteTask[] {
  const workloads = Array.from({ length: count }, () => taskWorkload())
  for (const workload of workloads) stand.handOver(workload)
  return workloads
}

/** Hands workloads over, and has them submitted. */
export async function submitted(stand: ExecutorBench, count = 1): Promise<ExecuteTask[]> {
  const workloads = handOver(stand, count)
  await stand.begin()
  return workloads
}

/** The one workload that was handed over and submitted. */
export async function one(stand: ExecutorBench, given: Parameters<typeof taskWorkload>[0] = {}): Promise<ExecuteTask> {
  const workload = taskWorkload(given)
  stand.handOver(workload)
  await stand.begin()
  return workload
}

/** Revokes a task, and lets the bench's clock go on until that is over. */
export async function revoked(stand: ExecutorBench, workload: ExecuteTask): Promise<void> {
  let isOver = false
  const done = stand.revoke(workload).finally(() => (isOver = true))
  await Promise.all([done, eventually(() => (stand.clock.advance(100), isOver))])
}
