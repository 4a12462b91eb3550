import type { Failure } from '@aws-sdk/client-ecs'
import { failureOf, type AwsFailure } from '../shared/aws-failure.ts'

/** Beginnings of the reasons that RunTask gives for want of room. Everything else needs somebody to change something. */
const NO_ROOM = ['RESOURCE:', 'Capacity is unavailable', 'CAPACITY', 'EMPTY CAPACITY PROVIDER', 'AGENT']

/** Words with which RunTask refuses for a quota of Fargate, under a name that it also has for mistakes. */
const QUOTA = /reached the limit on the number of (tasks|vCPUs)/i

/** What `failures` of an answered RunTask say. */
export function failureOfReasons(failures: readonly Failure[]): AwsFailure {
  const detail = failures
    .map(({ reason = 'no reason', detail: more }) => (more ? `${reason} (${more})` : reason))
    .join('; ')
  const isRoom = failures.every(({ reason = '' }) => NO_ROOM.some((start) => reason.startsWith(start)))
  return { kind: isRoom ? 'capacity' : 'permanent', detail: `ECS did not start it: ${detail}` }
}

/** What a RunTask that threw says. */
export function failureOfRunTask(error: unknown): AwsFailure {
  const failure = failureOf(error)
  return QUOTA.test(failure.detail) ? { ...failure, kind: 'capacity' } : failure
}
