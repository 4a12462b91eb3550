import type { ExecutorClass } from '../executor.ts'
import { BASE_EXECUTOR_MARK } from '../final-members.ts'

/** What an executor class may claim, beyond running tasks. What it does not claim is not asked of it. */
export const CLAIMS = {
  adoption: 'it overrides no tryAdoptTaskInstances',
  revoke: 'it overrides no revokeTask',
  noRevoke: 'it overrides revokeTask',
  taskLog: 'it overrides no getTaskLog',
  settingsSchema: 'it has no configSchema',
  executorConfigSchema: 'it has no executorConfigSchema',
  parallel: 'it is single-threaded',
  noCallbacks: 'it supports callbacks',
  routes: 'it has no getApiRoutes',
} as const
/** One of {@link CLAIMS}. */
export type Claim = keyof typeof CLAIMS

/** What a class claims: by its static facts, and by the members that it has of its own. Absence means that it cannot. */
export function claimsOf(executorClass: ExecutorClass): ReadonlySet<Claim> {
  const canRevoke = hasOwn(executorClass, 'revokeTask')
  const claims: ReadonlyArray<readonly [Claim, boolean]> = [
    ['adoption', hasOwn(executorClass, 'tryAdoptTaskInstances')],
    ['revoke', canRevoke],
    ['noRevoke', !canRevoke],
    ['taskLog', hasOwn(executorClass, 'getTaskLog')],
    ['settingsSchema', executorClass.configSchema !== null],
    ['executorConfigSchema', executorClass.executorConfigSchema !== null],
    ['parallel', !executorClass.isSingleThreaded],
    ['noCallbacks', !executorClass.supportsCallbacks],
    ['routes', executorClass.getApiRoutes !== undefined],
  ]
  return new Set(claims.flatMap(([claim, holds]) => (holds ? [claim] : [])))
}

/** True when a member is written by the class or an ancestor of it below `BaseExecutor`, whatever copy that is of. */
function hasOwn(executorClass: object, member: string): boolean {
  let current = Reflect.get(executorClass, 'prototype') as object | null
  while (current !== null && current !== Object.prototype && !Object.hasOwn(current, BASE_EXECUTOR_MARK)) {
    if (Object.hasOwn(current, member)) return true
    current = Reflect.getPrototypeOf(current)
  }
  return false
}
