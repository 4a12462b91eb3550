import { launchRefused } from '@fairlead/executor'
import { deepMerge, type Json } from '../shared/deep-merge.ts'
import type { BatchProfile } from './batch-settings.ts'

/** The body of SubmitJob: the part of it that is ever sent. */
export interface SubmitRequest {
  readonly jobName: string
  readonly jobQueue: string
  readonly jobDefinition: string
  readonly containerOverrides: {
    readonly command?: string[]
    readonly environment: Array<{ name: string; value: string }>
    readonly resourceRequirements?: Array<{ type: 'VCPU' | 'MEMORY' | 'GPU'; value: string }>
  }
  /** Once: what fails is judged here, and a repeat is the task's own retry. */
  readonly retryStrategy: { readonly attempts: 1 }
  readonly timeout?: { readonly attemptDurationSeconds: number }
  readonly parameters?: Record<string, string>
  readonly shareIdentifier?: string
  readonly schedulingPriorityOverride?: number
  readonly tags?: Record<string, string>
  readonly propagateTags?: boolean
}

/** What a request is made of. */
export interface SubmitFacts {
  readonly jobName: string
  /** What settings, queue and task say of the job, the later ones over the earlier. */
  readonly layers: readonly BatchProfile[]
  /** What the worker is told. */
  readonly workerEnvironment: Readonly<Record<string, string>>
}

/** AWS Batch refuses a larger request. */
export const LARGEST_REQUEST_BYTES = 30 * 1024

/** Most tags of a job. */
const MOST_TAGS = 50

/** The request for one job, made anew each time: nothing of what it is made of is changed. */
export function submitRequest({ jobName, layers, workerEnvironment }: SubmitFacts): SubmitRequest {
  const job = mergeProfiles(layers)
  const { jobQueue, jobDefinition } = job
  if (jobQueue === undefined || jobDefinition === undefined)
    throw launchRefused('The settings name no job queue, or no job definition.')
  const environment = { ...job.env, ...workerEnvironment }
  const resources = resourcesOf(job)
  const request: SubmitRequest = {
    jobName,
    jobQueue,
    jobDefinition,
    containerOverrides: {
      ...optional('command', job.command && [...job.command]),
      environment: Object.entries(environment).flatMap(([name, value]) => (value === null ? [] : [{ name, value }])),
      ...optional('resourceRequirements', resources.length === 0 ? null : resources),
    },
    retryStrategy: { attempts: 1 },
    ...optional('timeout', timeoutOf(job)),
    ...optional('parameters', mapOf(job.parameters)),
    ...optional('shareIdentifier', job.shareIdentifier),
    ...optional('schedulingPriorityOverride', job.schedulingPriority),
    ...optional('tags', mapOf(job.tags)),
    ...optional('propagateTags', job.propagateTags),
  }
  refuseTooLarge(request)
  return request
}

/** Later layers over earlier ones: environment, parameters and tags by name, everything else as a whole; null deletes. */
export function mergeProfiles(layers: readonly BatchProfile[]): BatchProfile {
  const merged = layers.reduce<Json>((below, above) => deepMerge(below, above), {})
  return merged as BatchProfile
}

function refuseTooLarge(request: SubmitRequest): void {
  const bytes = new TextEncoder().encode(JSON.stringify(request)).length
  if (bytes > LARGEST_REQUEST_BYTES) {
    throw launchRefused(
      `The request for the job is ${bytes} bytes, and AWS Batch takes ${LARGEST_REQUEST_BYTES} at most. ` +
        'Move what is large out of "env", "parameters" and "tags".',
    )
  }
  const tags = Object.keys(request.tags ?? {}).length
  if (tags > MOST_TAGS) throw launchRefused(`The job has ${tags} tags, and AWS takes ${MOST_TAGS} at most.`)
}

function resourcesOf({
  vcpus,
  memoryMiB,
  gpus,
}: BatchProfile): Array<{ type: 'VCPU' | 'MEMORY' | 'GPU'; value: string }> {
  const wanted = [
    ['VCPU', vcpus],
    ['MEMORY', memoryMiB],
    ['GPU', gpus],
  ] as const
  return wanted.flatMap(([type, value]) =>
    value === undefined || value === null ? [] : [{ type, value: String(value) }],
  )
}

function timeoutOf({ timeoutSeconds }: BatchProfile): { attemptDurationSeconds: number } | null {
  return timeoutSeconds === undefined || timeoutSeconds === null ? null : { attemptDurationSeconds: timeoutSeconds }
}

function mapOf(map: Readonly<Record<string, string | null>> = {}): Record<string, string> | null {
  const given = Object.entries(map).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
  return given.length === 0 ? null : Object.fromEntries(given)
}

/** A property that is there only with a value. */
function optional<Name extends string, Value>(
  name: Name,
  value: Value | null | undefined,
): { readonly [_ in Name]?: Value } {
  return (value === undefined || value === null ? {} : { [name]: value }) as { readonly [_ in Name]?: Value }
}
