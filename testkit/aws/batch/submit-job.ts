import { AwsError } from '../wire/aws-error.ts'
import type { BatchDouble } from './batch-double.ts'
import type { BatchJob } from './job.ts'
import type { SubmitJobInput } from './submit-job-input.ts'

/** SubmitJob: what it takes, its documented limits, and what it starts. */

const MAX_PAYLOAD_BYTES = 30 * 1024

/** Starts a job. There is no token: the same request twice is two jobs. */
export function submitJob(batch: BatchDouble, input: SubmitJobInput): BatchJob {
  for (const problem of problemsOf(input)) throw refused(problem)
  const queue = batch.findQueue(input.jobQueue)
  if (queue === null) throw refused(`JobQueue ${input.jobQueue} not found.`)
  if (queue.state === 'DISABLED') throw refused(`JobQueue ${queue.name} is DISABLED.`)
  const definition = batch.findDefinition(input.jobDefinition)
  if (definition === null || definition.status === 'INACTIVE')
    throw refused(`JobDefinition ${input.jobDefinition} not found.`)
  if (definition.type === 'multinode' && input.containerOverrides !== undefined)
    throw refused('containerOverrides is not applicable for multi-node parallel jobs.')
  const dependencies = (input.dependsOn ?? []).map(({ jobId = '' }) => {
    const job = batch.findJob(jobId)
    if (job === null) throw refused(`Job dependency ${jobId} does not exist.`)
    return job
  })
  return batch.launch({ queue, definition, input, dependencies })
}

function refused(message: string): AwsError {
  return new AwsError('ClientException', message)
}

function* problemsOf(input: SubmitJobInput): Generator<string> {
  const { containerOverrides = {}, retryStrategy, timeout, dependsOn = [], tags = {} } = input
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(input.jobName))
    yield `Job name should match valid pattern: ${input.jobName}`
  if (Buffer.byteLength(JSON.stringify(input)) > MAX_PAYLOAD_BYTES) yield 'Job size exceeds 30 KiB.'
  if (dependsOn.length > 20) yield 'dependsOn can have at most 20 jobs.'
  if (Object.keys(tags).length > 50) yield 'A job can have at most 50 tags.'
  if ((containerOverrides.command ?? []).includes('')) yield 'command must not contain empty strings.'
  for (const { name } of containerOverrides.environment ?? []) {
    if (name.startsWith('AWS_BATCH')) yield `Environment variable ${name} starts with the reserved AWS_BATCH.`
  }
  if (!isWithin(retryStrategy?.attempts, 1, 10)) yield 'Attempts should be between 1 and 10.'
  if ((retryStrategy?.evaluateOnExit ?? []).length > 5) yield 'evaluateOnExit can have at most 5 rules.'
  if (!isWithin(timeout?.attemptDurationSeconds, 60, Number.POSITIVE_INFINITY))
    yield 'Timeout attemptDurationSeconds should be at least 60 seconds.'
}

function isWithin(value: number | undefined, low: number, high: number): boolean {
  return value === undefined || (value >= low && value <= high)
}
