import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import type { SyncOptions, WorkloadOptions } from './executor.ts'

/** A workload to begin, with what is for the executor alone. */
export interface QueuedWorkload {
  readonly dispatchId: DispatchId
  readonly workload: Workload
  readonly options: WorkloadOptions
}

/** A workload that is somewhere else by now, and has not ended. */
export interface RunningWorkload {
  readonly dispatchId: DispatchId
  readonly externalId: string | null
  /** Null for a callback. */
  readonly taskInstance: TaskInstanceRef | null
}

/** What an executor holds of one dispatch id: queued, on its way out, or running. Its end removes it. */
export type HeldWorkload =
  | {
      phase: 'queued'
      queued: QueuedWorkload
      sequence: number
      notBefore: number
      unknownCount: number
      /** Why it has not begun, as its last launch said; null before the first. */
      waitingFor: string | null
    }
  | {
      phase: 'launching'
      queued: QueuedWorkload
      sequence: number
      unknownCount: number
      waitingFor: string | null
      launch: Launch
    }
  | { phase: 'running'; isStarted: boolean; running: RunningWorkload }

/** One call that begins workloads. */
export interface Launch {
  /** When the call is to be given up, by the executor's clock. */
  readonly deadline: number
  /** Resolves, never rejects, when the call is over or given up. */
  readonly settled: Promise<void>
  /** Makes the outcome of the call unknown. */
  giveUp(reason: Error): void
}

/** What `executeAsync` is given beside the workload. An abort of `signal` makes the outcome of the call unknown. */
export interface ExecuteOptions extends WorkloadOptions, SyncOptions {}

/** What became of one workload in a call that begins workloads. */
export type LaunchResult =
  | { kind: 'accepted'; externalId: string | null }
  | { kind: 'neverStarted'; detail: string; isPermanent?: true }
  | { kind: 'unknown'; detail: string }
  /** Nothing began; it may be tried again after so many milliseconds. Costs nothing. */
  | { kind: 'postponed'; detail: string; afterMs: number }

/** A held workload that waits for its turn. */
export type QueuedEntry = Extract<HeldWorkload, { phase: 'queued' }>
