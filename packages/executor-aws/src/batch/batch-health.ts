import type { JobDefinition, JobQueueDetail } from '@aws-sdk/client-batch'
import { failureOf } from '../shared/aws-failure.ts'
import type { BatchApi } from './batch-api.ts'
import type { BatchProfile } from './batch-settings.ts'
import { jobNamePrefix } from './job-name.ts'

/** One thing without which no task can run. */
export interface HealthItem {
  /** What was looked at. */
  readonly subject: string
  /** What is wrong with it and what to do, or null. */
  readonly problem: string | null
}

/** What the health check looks at. */
export interface HealthFacts {
  /** Name of the executor instance. */
  readonly executor: string
  /** Every profile with which a task may be submitted: that of the settings, and one for each queue. */
  readonly profiles: readonly BatchProfile[]
}

/**
 * Proves that jobs can be submitted, watched, found and stopped, and says which of it cannot. Nothing is launched. Throws
 * what leaves everything unknown: no credentials, no answer.
 */
export async function checkBatch(
  api: BatchApi,
  { executor, profiles }: HealthFacts,
  signal: AbortSignal,
): Promise<readonly HealthItem[]> {
  const queues = distinct(profiles.map(({ jobQueue }) => jobQueue))
  const definitions = distinct(profiles.map(({ jobDefinition }) => jobDefinition))
  const [queueItems, definitionItems] = await Promise.all([
    checkQueues(api, queues, signal),
    Promise.all(definitions.map((name) => checkDefinition(api, name, signal))),
  ])
  const items = [...queueItems, ...definitionItems]
  // What is not there cannot be asked for.
  if (items.some(({ problem }) => problem !== null)) return items
  return [...items, ...(await checkPermissions(api, { executor, profiles, queues }, signal))]
}

/** The problems in one sentence each, or null when there are none. */
export function problemsOf(items: readonly HealthItem[]): string | null {
  const problems = items.flatMap(({ problem }) => (problem === null ? [] : [problem]))
  return problems.length === 0 ? null : problems.join(' ')
}

async function checkQueues(
  api: BatchApi,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly HealthItem[]> {
  try {
    const found = await api.queues(names, signal)
    return names.map((name) => {
      const queue = found.find(({ jobQueueName, jobQueueArn }) => jobQueueName === name || jobQueueArn === name)
      return { subject: `job queue ${name}`, problem: problemOfQueue(name, queue) }
    })
  } catch (error) {
    return [{ subject: 'job queues', problem: `The job queues cannot be described: ${refusalOf(error)}` }]
  }
}

/** What keeps a queue from taking jobs, or null. */
export function problemOfQueue(name: string, queue: JobQueueDetail | undefined): string | null {
  if (queue === undefined) return `There is no job queue "${name}" in this region. Create it, or correct "jobQueue".`
  if (queue.state !== 'ENABLED')
    return `The job queue "${name}" is ${queue.state ?? 'in no known state'} and takes no jobs. Enable it.`
  if (queue.status !== 'VALID') {
    const reason = queue.statusReason === undefined ? '' : ` (${queue.statusReason})`
    return `The job queue "${name}" is ${queue.status ?? 'of no known status'}${reason}, and not VALID. Mend it, or wait.`
  }
  return null
}

async function checkDefinition(api: BatchApi, name: string, signal: AbortSignal): Promise<HealthItem> {
  const subject = `job definition ${name}`
  try {
    return { subject, problem: problemOfDefinition(name, await api.definitions(name, signal)) }
  } catch (error) {
    return { subject, problem: `The job definition "${name}" cannot be described: ${refusalOf(error)}` }
  }
}

/** What keeps a job definition from running a worker, or null. */
export function problemOfDefinition(name: string, revisions: readonly JobDefinition[]): string | null {
  const active = revisions
    .filter(({ status }) => status === 'ACTIVE')
    .toSorted((a, b) => (b.revision ?? 0) - (a.revision ?? 0))
  const newest = active[0]
  if (newest === undefined)
    return `There is no active job definition "${name}" in this region. Register it, or correct "jobDefinition".`
  const what = kindOf(newest)
  if (what === null) return null
  return `The job definition "${name}" is ${what}, and tasks run as jobs of one container. Name a definition of type "container".`
}

function kindOf({ type, nodeProperties, eksProperties, ecsProperties }: JobDefinition): string | null {
  if (type === 'multinode' || nodeProperties !== undefined) return 'for multi-node parallel jobs'
  if (eksProperties !== undefined) return 'for Amazon EKS'
  if (ecsProperties !== undefined) return 'for several containers ("ecsProperties")'
  return null
}

interface PermissionFacts extends HealthFacts {
  readonly queues: readonly string[]
}

/**
 * Asks for each permission in a way that has no effect: names that no job has, and a submit with a name that no job can
 * have. Whatever is answered but a denial, the permission is there.
 */
async function checkPermissions(
  api: BatchApi,
  { executor, profiles, queues }: PermissionFacts,
  signal: AbortSignal,
): Promise<readonly HealthItem[]> {
  const probes: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    ['batch:DescribeJobs', () => api.describe([NO_JOB], signal)],
    ...queues.map(
      (queue) => ['batch:ListJobs', () => api.list(queue, `${jobNamePrefix(executor)}none`, signal)] as const,
    ),
    ['batch:CancelJob', () => api.cancel(NO_JOB, PROBE_REASON, signal)],
    ['batch:TerminateJob', () => api.terminate(NO_JOB, PROBE_REASON, signal)],
    ...profiles.map((profile) => ['batch:SubmitJob', () => submitNothing(api, profile, signal)] as const),
  ]
  return await Promise.all(probes.map(([action, ask]) => checkPermission(action, ask)))
}

async function checkPermission(action: string, ask: () => Promise<unknown>): Promise<HealthItem> {
  const subject = `permission ${action}`
  try {
    await ask()
    return { subject, problem: null }
  } catch (error) {
    const failure = failureOf(error)
    if (failure.kind !== 'permanent') throw error
    const isDenied = error instanceof Error && DENIALS.has(error.name)
    return { subject, problem: isDenied ? `The permission ${action} is missing: ${failure.detail}` : null }
  }
}

async function submitNothing(
  api: BatchApi,
  { jobQueue = '', jobDefinition = '' }: BatchProfile,
  signal: AbortSignal,
): Promise<void> {
  await api.submit(
    {
      jobName: IMPOSSIBLE_NAME,
      jobQueue,
      jobDefinition,
      containerOverrides: { environment: [] },
      retryStrategy: { attempts: 1 },
    },
    signal,
  )
}

/** A denial is a finding; anything else that is not the request's own fault leaves everything unknown. */
function refusalOf(error: unknown): string {
  const failure = failureOf(error)
  if (failure.kind !== 'permanent') throw error
  return failure.detail
}

function distinct(values: ReadonlyArray<string | undefined>): readonly string[] {
  return [...new Set(values.filter((value) => value !== undefined))]
}

const DENIALS = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'NotAuthorized'])
const NO_JOB = '00000000-0000-4000-8000-000000000000'
const PROBE_REASON = 'Fairlead asks whether it may'
/** The first character of a job's name must be a letter or a digit. */
const IMPOSSIBLE_NAME = '-'
