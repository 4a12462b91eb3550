import { capabilitiesOf } from '../capabilities.ts'
import type { ExecutorClass } from '../executor-class.ts'

/** What an executor class may claim, beyond running tasks. What it does not claim is not asked of it. */
export const CLAIMS = {
  adoption: 'it does not say supportsAdoption',
  revoke: 'it does not say supportsCancel',
  noRevoke: 'it says supportsCancel',
  taskLog: 'it does not say servesLiveLogs',
  settingsSchema: 'it has no configSchema',
  executorConfigSchema: 'it has no executorConfigSchema',
  parallel: 'it is single-threaded',
  noCallbacks: 'it says supportsCallbacks',
  payloadLimit: 'it has no maxPayloadBytes',
  routes: 'it has no getApiRoutes',
} as const
/** One of {@link CLAIMS}. */
export type Claim = keyof typeof CLAIMS

/** What a class claims, by its static facts. Absence means that it cannot. */
export function claimsOf(executorClass: ExecutorClass): ReadonlySet<Claim> {
  const facts = capabilitiesOf(executorClass)
  const claims: ReadonlyArray<readonly [Claim, boolean]> = [
    ['adoption', facts.supportsAdoption],
    ['revoke', facts.supportsCancel],
    ['noRevoke', !facts.supportsCancel],
    ['taskLog', facts.servesLiveLogs],
    ['settingsSchema', facts.configSchema !== null],
    ['executorConfigSchema', facts.executorConfigSchema !== null],
    ['parallel', !facts.isSingleThreaded],
    ['noCallbacks', !facts.supportsCallbacks],
    ['payloadLimit', facts.maxPayloadBytes !== null],
    ['routes', executorClass.getApiRoutes !== undefined],
  ]
  return new Set(claims.flatMap(([claim, holds]) => (holds ? [claim] : [])))
}
