import type { ExecutorCommandCall, ExecutorCommandGroup } from '@fairlead/executor'
import type { BatchInside, LookInside } from './batch-inside.ts'
import { hasJobEnded } from './batch-job.ts'
import { dispatchIdOfJob, jobNamePrefix } from './job-name.ts'

/** `fairlead batch …` */
export function batchCommands(lookInside: LookInside): readonly ExecutorCommandGroup[] {
  const withInside = (run: Run) => (call: ExecutorCommandCall) => run(lookInside(call.executor), call)
  return [
    {
      name: 'batch',
      description: 'look at what runs on AWS Batch',
      commands: [
        {
          name: 'check',
          description: 'prove queues, job definitions and permissions, and say which of them is wrong',
          run: withInside(check),
        },
        {
          name: 'list-jobs',
          description: 'list the jobs of this executor',
          options: { '--all': 'also those that ended' },
          run: withInside(listJobs),
        },
        {
          name: 'stop',
          description: 'stop a job, and wait until it has ended',
          arguments: ['<job-id>'],
          options: { '--reason <text>': 'what AWS Batch shows as the reason' },
          run: withInside(stop),
        },
      ],
    },
  ]
}

type Run = (inside: BatchInside, call: ExecutorCommandCall) => Promise<number>

async function check(inside: BatchInside, call: ExecutorCommandCall): Promise<number> {
  const items = await inside.checkHealth(call.signal)
  for (const { subject, problem } of items) call.out(problem === null ? `ok      ${subject}\n` : `PROBLEM ${problem}\n`)
  return items.every(({ problem }) => problem === null) ? 0 : 1
}

async function listJobs({ name, api, jobQueues }: BatchInside, call: ExecutorCommandCall): Promise<number> {
  const lists = await Promise.all(jobQueues.map((queue) => api.list(queue, `${jobNamePrefix(name)}*`, call.signal)))
  const jobs = lists
    .flat()
    .filter((job) => dispatchIdOfJob(name, job.jobName) !== null)
    .filter((job) => call.options['all'] === true || !hasJobEnded(job))
  for (const job of jobs)
    call.out(
      `${[job.jobId, job.status, dispatchIdOfJob(name, job.jobName), job.statusReason ?? ''].join(' ').trimEnd()}\n`,
    )
  if (jobs.length === 0) call.err('There are none.\n')
  return 0
}

async function stop(inside: BatchInside, call: ExecutorCommandCall): Promise<number> {
  const { api, name } = inside
  const [jobId = ''] = call.arguments
  const job = (await api.describe([jobId], call.signal)).get(jobId)
  if (job === undefined || dispatchIdOfJob(name, job.jobName) === null) {
    call.err(`AWS Batch has no job "${jobId}" of executor "${name}". See: fairlead batch list-jobs\n`)
    return 1
  }
  const { reason = 'Stopped on the command line of Fairlead' } = call.options
  await inside.stopJob(jobId, String(reason), call.signal)
  call.out(`stopped ${jobId}\n`)
  return 0
}
