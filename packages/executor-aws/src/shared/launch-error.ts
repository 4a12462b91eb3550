import { launchPostponed, launchRefused, outcomeUnknown } from '@fairlead/executor'
import type { LaunchDecision } from './launch-policy.ts'

/** What `executeAsync` throws for a decision. */
export function launchErrorOf(decision: LaunchDecision, service: string, cause: unknown): Error {
  switch (decision.kind) {
    case 'refuse':
      return launchRefused(`${service} refused the launch. ${decision.detail}`, cause)
    case 'postpone':
      return launchPostponed(decision.detail, decision.afterMs, cause)
    case 'repeat':
      return outcomeUnknown(decision.detail, cause)
    default:
      return decision satisfies never
  }
}
