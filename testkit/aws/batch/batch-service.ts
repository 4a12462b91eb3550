import { z } from 'zod'
import { ACCOUNT } from '../iam/identities.ts'
import { AwsError } from '../wire/aws-error.ts'
import { defineOperation } from '../wire/define-operation.ts'
import { pageOf } from '../wire/page.ts'
import type { Operation, Service } from '../wire/service.ts'
import type { BatchDouble } from './batch-double.ts'
import { describeDefinition, describeJob, describeQueue } from './describe.ts'
import { listJobs, listJobsInput } from './list-jobs.ts'
import type { BatchJob } from './job.ts'
import { submitJob } from './submit-job.ts'
import { submitJobInput } from './submit-job-input.ts'

/** The API of Batch, over what the double runs. */
export function batchService(batch: BatchDouble, region: string): Service {
  const arn = (resource: string): string => `arn:aws:batch:${region}:${ACCOUNT}:${resource}`
  return {
    name: 'batch',
    protocol: 'rest-json',
    operations: {
      SubmitJob: defineOperation({
        input: submitJobInput,
        needs: ({ jobQueue, jobDefinition, tags = {} }) => [
          {
            action: 'batch:SubmitJob',
            resource: batch.findDefinition(jobDefinition)?.arn ?? arn(`job-definition/${lastPart(jobDefinition)}`),
          },
          { action: 'batch:SubmitJob', resource: arn(`job-queue/${lastPart(jobQueue)}`) },
          ...(Object.keys(tags).length === 0 ? [] : [{ action: 'batch:TagResource', resource: arn('job/*') }]),
        ],
        run: (input) => {
          const { facts } = submitJob(batch, input)
          return { jobArn: facts.arn, jobName: input.jobName, jobId: facts.id }
        },
      }),
      DescribeJobs: describeJobs(batch),
      ListJobs: defineOperation({
        input: listJobsInput,
        needs: () => [{ action: 'batch:ListJobs', resource: '*' }],
        run: (input) => listJobs(batch, input),
      }),
      TerminateJob: stopOperation('batch:TerminateJob', batch, arn, (job, reason) => job.terminate(reason)),
      CancelJob: stopOperation('batch:CancelJob', batch, arn, (job, reason) => job.cancel(reason)),
      DescribeJobQueues: describeJobQueues(batch),
      DescribeJobDefinitions: describeJobDefinitions(batch),
    },
    throttled: () => new AwsError('TooManyRequestsException', 'Too Many Requests', { status: 429 }),
    broken: (status) => new AwsError('ServerException', 'Service Unavailable. Please try again later.', { status }),
  }
}

function describeJobs(batch: BatchDouble): Operation {
  return defineOperation({
    input: z.object({ jobs: z.array(z.string()) }),
    needs: () => [{ action: 'batch:DescribeJobs', resource: '*' }],
    run: ({ jobs }) => {
      if (jobs.length > 100) throw new AwsError('ClientException', 'jobs can have at most 100 elements.')
      // What is not known is not mentioned: there are no failures here.
      return { jobs: jobs.flatMap((id) => seen(batch.findJob(id))).map(describeJob) }
    },
  })
}

function stopOperation(
  action: string,
  batch: BatchDouble,
  arn: (resource: string) => string,
  stop: (job: BatchJob, reason: string) => void,
): Operation {
  return defineOperation({
    input: z.object({ jobId: z.string(), reason: z.string() }),
    needs: ({ jobId }) => [{ action, resource: arn(`job/${lastPart(jobId)}`) }],
    run: ({ jobId, reason }) => {
      const job = batch.findJob(jobId)
      if (job === null) throw new AwsError('ClientException', `Job ${jobId} not found.`)
      stop(job, reason)
      return {}
    },
  })
}

function describeJobQueues(batch: BatchDouble): Operation {
  return defineOperation({
    input: z.object({
      jobQueues: z.array(z.string()).optional(),
      maxResults: z.int().optional(),
      nextToken: z.string().optional(),
    }),
    needs: () => [{ action: 'batch:DescribeJobQueues', resource: '*' }],
    run: ({ jobQueues = [], maxResults = 100, nextToken: token }) => {
      const names = jobQueues.map(lastPart)
      const found = batch.queues().filter(({ name }) => names.length === 0 || names.includes(name))
      const { items, nextToken } = pageOf(found, maxResults, token, 'ClientException')
      return { jobQueues: items.map(describeQueue), ...(nextToken === null ? {} : { nextToken }) }
    },
  })
}

function describeJobDefinitions(batch: BatchDouble): Operation {
  return defineOperation({
    input: z.object({
      jobDefinitions: z.array(z.string()).optional(),
      jobDefinitionName: z.string().optional(),
      status: z.string().optional(),
      maxResults: z.int().optional(),
      nextToken: z.string().optional(),
    }),
    needs: () => [{ action: 'batch:DescribeJobDefinitions', resource: '*' }],
    run: ({ jobDefinitions, jobDefinitionName, status, maxResults = 100, nextToken: token }) => {
      const wanted = jobDefinitions?.map(lastPart)
      const found = batch
        .definitions()
        .filter((one) => wanted === undefined || wanted.includes(`${one.name}:${one.revision}`))
        .filter((one) => jobDefinitionName === undefined || one.name === jobDefinitionName)
        .filter((one) => status === undefined || one.status === status)
        .toReversed()
      const { items, nextToken } = pageOf(found, maxResults, token, 'ClientException')
      return { jobDefinitions: items.map(describeDefinition), ...(nextToken === null ? {} : { nextToken }) }
    },
  })
}

/** Nothing for a job that is not there, or that this reader does not see yet. */
function seen(job: BatchJob | null): readonly BatchJob[] {
  if (job === null) return []
  if (job.unseen === 0) return [job]
  job.unseen -= 1
  return []
}

function lastPart(nameOrArn: string): string {
  return nameOrArn.split('/').at(-1) ?? ''
}
