import {
  BatchClient,
  CancelJobCommand,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
  type JobDefinition,
  type JobQueueDetail,
} from '@aws-sdk/client-batch'
import { clientConfig } from '../shared/client-config.ts'
import type { ClientSettings } from '../shared/client-settings.ts'
import { RenewedClient } from '../shared/renewed-client.ts'
import type { BatchJob } from './batch-job.ts'
import type { SubmitRequest } from './submit-request.ts'

/** A job as a list shows it. */
export interface ListedJob {
  readonly jobId: string
  readonly jobName: string
  readonly status: string
  readonly statusReason?: string | undefined
  readonly createdAt?: number | undefined
}

/** Most ids that AWS Batch describes in one call. */
const DESCRIBED_AT_ONCE = 100
/** Pages of a list that are read: 10,000 jobs of one name or prefix. */
const MOST_PAGES = 100

/** The slice of AWS Batch that is used here. What a call throws is the SDK's; `failureOf` says what it means. */
export class BatchApi {
  readonly #client: RenewedClient<BatchClient>

  constructor(settings: ClientSettings) {
    this.#client = new RenewedClient(() => new BatchClient(clientConfig(settings)))
  }

  /** Id of the new job. */
  async submit(request: SubmitRequest, signal: AbortSignal): Promise<string> {
    const { jobId } = await this.#client.call(
      (client, options) => client.send(new SubmitJobCommand(request), options),
      signal,
    )
    if (jobId === undefined) throw new Error('AWS Batch took a job and gave it no id')
    return jobId
  }

  /** Jobs by id, in as few calls as there can be, all at once. AWS Batch says nothing of an id that it does not know. */
  async describe(jobIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, BatchJob>> {
    const pages = Array.from({ length: Math.ceil(jobIds.length / DESCRIBED_AT_ONCE) }, (_, page) =>
      jobIds.slice(page * DESCRIBED_AT_ONCE, (page + 1) * DESCRIBED_AT_ONCE),
    )
    const answers = await Promise.all(
      pages.map((jobs) =>
        this.#client.call((client, options) => client.send(new DescribeJobsCommand({ jobs }), options), signal),
      ),
    )
    const found = answers.flatMap(({ jobs }) => (jobs ?? []) as readonly BatchJob[])
    return new Map(found.map((job) => [job.jobId, job]))
  }

  /** Jobs of a queue by name, the newest first; a name that ends with `*` finds all that begin so. */
  async list(jobQueue: string, name: string, signal: AbortSignal): Promise<readonly ListedJob[]> {
    const found: ListedJob[] = []
    let nextToken: string | undefined
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const filters = [{ name: 'JOB_NAME', values: [name] }]
      const request = { jobQueue, filters, ...(nextToken === undefined ? {} : { nextToken }) }
      const answer = await this.#client.call(
        (client, options) => client.send(new ListJobsCommand(request), options),
        signal,
      )
      found.push(...((answer.jobSummaryList ?? []) as readonly ListedJob[]))
      nextToken = answer.nextToken
      if (nextToken === undefined) break
    }
    return found
  }

  /** Takes a job back that has no place to run yet. On one that has, it does nothing. */
  async cancel(jobId: string, reason: string, signal: AbortSignal): Promise<void> {
    await this.#client.call((client, options) => client.send(new CancelJobCommand({ jobId, reason }), options), signal)
  }

  async terminate(jobId: string, reason: string, signal: AbortSignal): Promise<void> {
    await this.#client.call(
      (client, options) => client.send(new TerminateJobCommand({ jobId, reason }), options),
      signal,
    )
  }

  async queues(names: readonly string[], signal: AbortSignal): Promise<readonly JobQueueDetail[]> {
    const request = { jobQueues: [...names] }
    const { jobQueues } = await this.#client.call(
      (client, options) => client.send(new DescribeJobQueuesCommand(request), options),
      signal,
    )
    return jobQueues ?? []
  }

  /** Revisions of a job definition by name, `name:revision` or ARN. */
  async definitions(name: string, signal: AbortSignal): Promise<readonly JobDefinition[]> {
    const isExact = name.startsWith('arn:') || /:\d+$/.test(name)
    const request = isExact ? { jobDefinitions: [name] } : { jobDefinitionName: name, status: 'ACTIVE' }
    const { jobDefinitions } = await this.#client.call(
      (client, options) => client.send(new DescribeJobDefinitionsCommand(request), options),
      signal,
    )
    return jobDefinitions ?? []
  }

  destroy(): void {
    this.#client.destroy()
  }
}
