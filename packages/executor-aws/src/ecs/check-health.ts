import { failureOf } from '../shared/aws-failure.ts'
import type { EcsApi } from './ecs-api.ts'
import { effectiveOptions, type EffectiveOptions } from './effective-options.ts'
import type { EcsSettings } from './settings.ts'

/** One thing that was asked about, and what is wrong with it; null where nothing is. */
export interface HealthFinding {
  readonly about: string
  readonly problem: string | null
}

/** No task has this id, so nothing is stopped: what is asked is whether it might be. */
const NO_TASK = '0'.repeat(32)
/** No family has this revision, so nothing is started. */
const NO_REVISION = 2_147_483_647

/** Asks for everything without which no task could run: each cluster, task definition, container and permission. */
export async function checkHealth(
  api: EcsApi,
  settings: EcsSettings,
  signal: AbortSignal,
): Promise<readonly HealthFinding[]> {
  const findings: HealthFinding[] = []
  const profiles = profilesOf(settings)
  for (const cluster of new Set(profiles.map((profile) => profile.cluster))) {
    findings.push(await checkCluster(api, cluster, signal))
    if (findings.at(-1)?.problem === null) findings.push(...(await checkPermissions(api, cluster, signal)))
  }
  for (const profile of distinct(profiles)) findings.push(...(await checkDefinition(api, profile, signal)))
  return findings
}

function profilesOf(settings: EcsSettings): readonly EffectiveOptions[] {
  const queues = ['default', ...Object.keys(settings.queues ?? {})]
  return queues.flatMap((queue) => {
    const answer = effectiveOptions(settings, queue, null)
    if (answer.kind === 'refused') throw new Error(`The profile of queue "${queue}" does not do: ${answer.detail}`)
    return [answer.options]
  })
}

async function checkCluster(api: EcsApi, name: string, signal: AbortSignal): Promise<HealthFinding> {
  const about = `cluster "${name}"`
  return await found(about, async () => {
    const cluster = await api.describeCluster(name, signal)
    if (cluster === null) return `There is no cluster "${name}" in this region and account.`
    return cluster.status === 'ACTIVE' ? null : `The cluster "${name}" is ${cluster.status ?? 'in no state'}.`
  })
}

async function checkDefinition(api: EcsApi, profile: EffectiveOptions, signal: AbortSignal): Promise<HealthFinding[]> {
  const { taskDefinition, containerName, cluster } = profile
  let family: string | undefined
  const definition = await found(`task definition "${taskDefinition}"`, async () => {
    const answer = await api.describeTaskDefinition(taskDefinition, signal)
    family = answer?.family
    if (answer?.status !== undefined && answer.status !== 'ACTIVE') return `"${taskDefinition}" is ${answer.status}.`
    const names = (answer?.containerDefinitions ?? []).map(({ name }) => name)
    if (names.includes(containerName)) return null
    return `It has no container "${containerName}", but ${names.join(', ')}. Set "containerName" to the worker's.`
  })
  if (family === undefined) return [definition]
  const request = { cluster, taskDefinition: `${family}:${NO_REVISION}`, count: 1 }
  const run = await permitted('ecs:RunTask', () => api.runTask(request))
  return [definition, { ...run, about: `${run.about} of "${family}"` }]
}

async function checkPermissions(api: EcsApi, cluster: string, signal: AbortSignal): Promise<readonly HealthFinding[]> {
  return [
    await permitted('ecs:ListTasks', () => api.listTasks(cluster, { startedBy: 'fairlead/health' }, 'RUNNING', signal)),
    await permitted('ecs:DescribeTasks', () => api.describeTasks(cluster, [NO_TASK], signal)),
    await permitted('ecs:StopTask', () => api.stopTask(cluster, NO_TASK, 'Fairlead: health check', signal)),
  ]
}

/** Whether a call is allowed, for calls that can do nothing: any other refusal is as good as an answer. */
async function permitted(action: string, call: () => Promise<unknown>): Promise<HealthFinding> {
  return await found(`permission ${action}`, async () => {
    try {
      await call()
      return null
    } catch (error) {
      const { kind, detail } = failureOf(error)
      if (kind === 'throttled') return null
      if (kind !== 'permanent') throw error
      return isDenial(error) ? `${action} is not allowed. ${detail}` : null
    }
  })
}

/** A denial is a finding; trouble on the way to the answer is not, and ends the check. */
async function found(about: string, ask: () => Promise<string | null>): Promise<HealthFinding> {
  try {
    return { about, problem: await ask() }
  } catch (error) {
    const { kind, detail } = failureOf(error)
    if (kind === 'permanent') return { about, problem: detail }
    throw error
  }
}

function isDenial(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AccessDeniedException' || error.name === 'AccessDenied')
}

function distinct(profiles: readonly EffectiveOptions[]): readonly EffectiveOptions[] {
  const byKey = new Map(
    profiles.map((one) => [JSON.stringify([one.cluster, one.taskDefinition, one.containerName]), one]),
  )
  return [...byKey.values()]
}
