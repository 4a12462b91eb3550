import type { AwsFailure } from './aws-failure.ts'
import { fullJitterMs, type Backoff } from './full-jitter.ts'

/**
 * What becomes of a workload whose launch failed. Pure.
 *
 * Invariant 1: throttling, missing credentials and an unreachable service count against nothing: the workload waits.
 * Invariant 2: only want of room has a limit, in time; it costs nothing else, and nothing else costs it.
 */

/** What is remembered of the launches of one workload, over restarts too. */
export interface LaunchHistory {
  /** Number of the request, from 1. A new one only after the one before was refused for sure: it is part of the token. */
  readonly request: number
  /** How often in a row there was no room. */
  readonly noRoomCount: number
  /** Since when there is no room, by the executor's clock; null while there is. */
  readonly noRoomSince: number | null
  /** Where it is sent, when that is not what its queue says; null for where that says. */
  readonly place: string | null
}

/** A workload that nothing was tried for. */
export const NO_HISTORY: LaunchHistory = { request: 1, noRoomCount: 0, noRoomSince: null, place: null }

/** What is done about a failed launch. */
export type LaunchDecision =
  /** Nothing happened; try again later. */
  | { readonly kind: 'postpone'; readonly afterMs: number; readonly detail: string; readonly history: LaunchHistory }
  /** Nothing happened, and nothing will. */
  | { readonly kind: 'refuse'; readonly detail: string }
  /** It may have happened: repeat the very same request. */
  | { readonly kind: 'repeat'; readonly detail: string }

/** What the decision depends on beside the failure. */
export interface LaunchCircumstances {
  readonly now: number
  readonly random: () => number
  /** How long a workload may wait for room; null for as long as it takes. */
  readonly capacityTimeoutMs: number | null
  /** How long to wait between two tries to find room. Seconds do not help there. */
  readonly capacityBackoff?: Backoff
}

const CAPACITY_BACKOFF: Backoff = { firstMs: 30_000, longestMs: 600_000 }

/** Backoff of a whole instance, by what keeps it from launching. */
export const GATE_BACKOFFS: Readonly<Record<'throttled' | 'credentials' | 'unreachable', Backoff>> = {
  throttled: { firstMs: 500, longestMs: 20_000 },
  credentials: { firstMs: 1000, longestMs: 60_000 },
  unreachable: { firstMs: 500, longestMs: 30_000 },
}

/** See the head of this file. `gateMs` is how long the whole instance waits. */
export function decideLaunch(
  failure: AwsFailure,
  history: LaunchHistory,
  { gateMs, ...circumstances }: LaunchCircumstances & { readonly gateMs: number },
): LaunchDecision {
  const { kind, detail } = failure
  switch (kind) {
    case 'throttled':
    case 'credentials':
    case 'unreachable':
      return { kind: 'postpone', afterMs: gateMs, detail, history }
    case 'capacity':
      return waitForRoom(detail, history, circumstances)
    case 'permanent':
      return { kind: 'refuse', detail }
    case 'unknown':
      return { kind: 'repeat', detail }
    default:
      return kind satisfies never
  }
}

function waitForRoom(
  detail: string,
  history: LaunchHistory,
  { now, random, capacityTimeoutMs, capacityBackoff = CAPACITY_BACKOFF }: LaunchCircumstances,
): LaunchDecision {
  const noRoomSince = history.noRoomSince ?? now
  const noRoomCount = history.noRoomCount + 1
  if (capacityTimeoutMs !== null && now - noRoomSince >= capacityTimeoutMs) {
    return { kind: 'refuse', detail: `There was no room for it within ${capacityTimeoutMs} ms. ${detail}` }
  }
  return {
    kind: 'postpone',
    afterMs: fullJitterMs(capacityBackoff, noRoomCount, random),
    detail,
    history: { ...history, request: history.request + 1, noRoomCount, noRoomSince },
  }
}
