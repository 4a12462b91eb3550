import * as Batch from '@aws-sdk/client-batch'
import { STAGE, type Answers, type Place, type SetRequest } from '../set-request.ts'

/** Requests to batch, good and bad. */
export function batchRequests(): readonly SetRequest[] {
  const { jobQueue, jobDefinition } = STAGE
  const submit = (place: Place, more: Partial<Batch.SubmitJobCommandInput> = {}): Promise<object> =>
    place.batch.send(
      new Batch.SubmitJobCommand({
        jobName: 'job-1',
        jobQueue,
        jobDefinition,
        containerOverrides: { command: ['exit 0'], environment: [{ name: 'A', value: '1' }] },
        retryStrategy: { attempts: 1 },
        timeout: { attemptDurationSeconds: 60 },
        tags: { team: 'data' },
        ...more,
      }),
    )
  const jobOf = (earlier: Answers): string => (earlier.get('submit a job') as Batch.SubmitJobCommandOutput).jobId ?? ''
  const list = (place: Place, more: Batch.ListJobsCommandInput): Promise<object> =>
    place.batch.send(new Batch.ListJobsCommand(more))
  return [
    {
      operation: 'batch:DescribeJobQueues',
      title: 'describe a job queue, and one that is not there',
      send: ({ batch }) => batch.send(new Batch.DescribeJobQueuesCommand({ jobQueues: [jobQueue] })),
    },
    {
      operation: 'batch:DescribeJobDefinitions',
      title: 'describe a job definition',
      send: ({ batch }) =>
        batch.send(new Batch.DescribeJobDefinitionsCommand({ jobDefinitionName: jobDefinition, status: 'ACTIVE' })),
    },
    { operation: 'batch:SubmitJob', title: 'submit a job', send: (place) => submit(place) },
    {
      operation: 'batch:SubmitJob',
      title: 'submit a job with a bad name',
      send: (place) => submit(place, { jobName: '-' }),
    },
    {
      operation: 'batch:SubmitJob',
      title: 'submit to a queue that is not there',
      send: (place) => submit(place, { jobQueue: 'nowhere' }),
    },
    {
      operation: 'batch:SubmitJob',
      title: 'submit a definition that is not there',
      send: (place) => submit(place, { jobDefinition: 'nothing:1' }),
    },
    {
      operation: 'batch:SubmitJob',
      title: 'submit with a timeout that is too short',
      send: (place) => submit(place, { timeout: { attemptDurationSeconds: 5 } }),
    },
    {
      operation: 'batch:DescribeJobs',
      title: 'describe a job that is done',
      send: ({ batch }, earlier) => batch.send(new Batch.DescribeJobsCommand({ jobs: [jobOf(earlier)] })),
      until: (answer) => (answer as Batch.DescribeJobsCommandOutput).jobs?.[0]?.status === 'SUCCEEDED',
    },
    {
      operation: 'batch:DescribeJobs',
      title: 'describe a job that is not there',
      send: ({ batch }) => batch.send(new Batch.DescribeJobsCommand({ jobs: ['nothing'] })),
    },
    {
      operation: 'batch:DescribeJobs',
      title: 'describe 101 jobs',
      send: ({ batch }) =>
        batch.send(new Batch.DescribeJobsCommand({ jobs: Array.from({ length: 101 }, (_, index) => String(index)) })),
    },
    {
      operation: 'batch:ListJobs',
      title: 'list jobs that are done',
      send: (place) => list(place, { jobQueue, jobStatus: 'SUCCEEDED' }),
    },
    {
      operation: 'batch:ListJobs',
      title: 'list jobs by name',
      send: (place) => list(place, { jobQueue, filters: [{ name: 'JOB_NAME', values: ['job-1'] }] }),
    },
    { operation: 'batch:ListJobs', title: 'list jobs of no queue', send: (place) => list(place, {}) },
    {
      operation: 'batch:TerminateJob',
      title: 'terminate a job that is done',
      send: ({ batch }, earlier) =>
        batch.send(new Batch.TerminateJobCommand({ jobId: jobOf(earlier), reason: 'enough' })),
    },
    {
      operation: 'batch:TerminateJob',
      title: 'terminate a job that is not there',
      send: ({ batch }) => batch.send(new Batch.TerminateJobCommand({ jobId: 'nothing', reason: 'enough' })),
    },
    {
      operation: 'batch:CancelJob',
      title: 'cancel a job that is done',
      send: ({ batch }, earlier) => batch.send(new Batch.CancelJobCommand({ jobId: jobOf(earlier), reason: 'enough' })),
    },
  ]
}
