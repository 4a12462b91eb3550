import { z } from 'zod'
import { AwsError } from '../wire/aws-error.ts'
import { pageOf } from '../wire/page.ts'
import type { BatchDouble } from './batch-double.ts'
import { summarizeJob } from './describe.ts'
import { JOB_STATUSES } from './job-status.ts'
import type { BatchJob } from './job.ts'

const FILTERS = ['JOB_NAME', 'JOB_DEFINITION', 'BEFORE_CREATED_AT', 'AFTER_CREATED_AT', 'SHARE_IDENTIFIER'] as const

/** What ListJobs takes. */
export const listJobsInput = z.object({
  jobQueue: z.string().optional(),
  jobStatus: z.string().optional(),
  maxResults: z.int().optional(),
  nextToken: z.string().optional(),
  filters: z.array(z.object({ name: z.string(), values: z.array(z.string()) })).optional(),
})

type ListJobsInput = z.output<typeof listJobsInput>

/** Jobs of a queue by status (running ones by default), or by one filter whatever their status. Newest first. */
export function listJobs(batch: BatchDouble, input: ListJobsInput): Record<string, unknown> {
  for (const problem of problemsOf(batch, input)) throw new AwsError('ClientException', problem)
  const queue = batch.findQueue(input.jobQueue ?? '')
  const listed = batch
    .jobs()
    .filter((job) => job.facts.queue.name === queue?.name && isSeen(job) && isListed(job, input))
    .toReversed()
  const { items, nextToken } = pageOf(listed, input.maxResults ?? 100, input.nextToken, 'ClientException')
  return { jobSummaryList: items.map(summarizeJob), ...(nextToken === null ? {} : { nextToken }) }
}

function* problemsOf(batch: BatchDouble, input: ListJobsInput): Generator<string> {
  const { jobQueue, jobStatus, filters = [], maxResults = 100 } = input
  if (jobQueue === undefined) yield 'One of jobQueue, arrayJobId or multiNodeJobId is required.'
  else if (batch.findQueue(jobQueue) === null) yield `JobQueue ${jobQueue} not found.`
  if (maxResults < 1 || maxResults > 100) yield 'maxResults must be between 1 and 100.'
  if (jobStatus !== undefined && !JOB_STATUSES.some((status) => status === jobStatus))
    yield `Unknown job status ${jobStatus}.`
  if (filters.length > 1) yield 'Only one filter can be used at a time.'
  for (const { name } of filters) if (!FILTERS.some((known) => known === name)) yield `Unknown filter ${name}.`
}

function isListed(job: BatchJob, { jobStatus, filters = [] }: ListJobsInput): boolean {
  const [filter] = filters
  if (filter === undefined) return job.status === (jobStatus ?? 'RUNNING')
  return filter.values.some((value) => passes(job, filter.name, value))
}

function passes({ facts, createdAt }: BatchJob, filter: string, value: string): boolean {
  switch (filter) {
    case 'JOB_NAME':
      return fits(value, facts.input.jobName)
    case 'JOB_DEFINITION':
      return fits(value, facts.definition.name) || value === facts.definition.arn
    case 'BEFORE_CREATED_AT':
      return createdAt < Number(value)
    case 'AFTER_CREATED_AT':
      return createdAt > Number(value)
    default:
      return facts.input.shareIdentifier === value
  }
}

/** Names are compared whatever their case; a `*` at the end stands for anything. */
function fits(pattern: string, name: string): boolean {
  const [wanted, actual] = [pattern.toLowerCase(), name.toLowerCase()]
  return wanted.endsWith('*') ? actual.startsWith(wanted.slice(0, -1)) : actual === wanted
}

function isSeen(job: BatchJob): boolean {
  if (job.unseen === 0) return true
  job.unseen -= 1
  return false
}
