import type { WorkloadExit } from '@fairlead/protocol'
import { exitOfWorker } from '../shared/worker-exit.ts'
import { isGone, workerContainer, type EcsTask } from './ecs-task.ts'

/** What ECS says of a task, in our words. */
export type TaskVerdict =
  | { readonly kind: 'starting'; readonly detail: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'userFailed'; readonly exitCode: number }
  | { readonly kind: 'neverStarted'; readonly why: string }
  | { readonly kind: 'diedAfterStart'; readonly why: string; readonly exit: WorkloadExit }
  /** It has stopped after it had started, and nobody says with which exit code. */
  | { readonly kind: 'unknown'; readonly why: string }

/**
 * The verdict on one task. Pure. Only the worker's own container has a say in how the task ended: a sidecar that is killed
 * behind it is no failure. What its exit code says outranks `startedAt`, which ECS lacks for a container that was quick.
 */
export function classifyTask(task: EcsTask, usualContainer: string | null = null): TaskVerdict {
  const container = workerContainer(task, usualContainer)
  const isOver = container?.lastStatus === 'STOPPED' && container.exitCode !== undefined
  if (!isOver && !isGone(task)) return verdictOfLiving(task)
  if (container?.exitCode !== undefined) return verdictOfExitCode(task, container.exitCode, container.reason)
  return { kind: hasStarted(task) ? 'unknown' : 'neverStarted', why: reasonOf(task, container?.reason) }
}

/** The end to report for a verdict, or null while there is none. `unknown` is one only once it has lasted. */
export function exitOfVerdict(verdict: TaskVerdict, hasLasted: boolean): WorkloadExit | null {
  switch (verdict.kind) {
    case 'starting':
    case 'running':
    case 'stopping':
      return null
    case 'succeeded':
      return { kind: 'exited', exitCode: 0 }
    case 'userFailed':
      return { kind: 'exited', exitCode: verdict.exitCode }
    case 'neverStarted':
      return { kind: 'neverStarted', detail: verdict.why }
    case 'diedAfterStart':
      return verdict.exit
    case 'unknown':
      return hasLasted
        ? { kind: 'lost', detail: `It died after its start, without an exit code. ${verdict.why}` }
        : null
    default:
      return verdict satisfies never
  }
}

function hasStarted({ startedAt, stopCode }: EcsTask): boolean {
  return startedAt !== undefined && stopCode !== 'TaskFailedToStart'
}

function verdictOfLiving({ lastStatus, desiredStatus }: EcsTask): TaskVerdict {
  switch (lastStatus) {
    case 'RUNNING':
      return desiredStatus === 'STOPPED' ? { kind: 'stopping' } : { kind: 'running' }
    case 'DEACTIVATING':
    case 'STOPPING':
    case 'DEPROVISIONING':
      return { kind: 'stopping' }
    default:
      return { kind: 'starting', detail: `ECS says ${lastStatus ?? 'nothing'}.` }
  }
}

function verdictOfExitCode(task: EcsTask, exitCode: number, reason: string | undefined): TaskVerdict {
  const why = reasonOf(task, reason)
  if (exitCode === 0) return { kind: 'succeeded' }
  const exit = exitOfWorker(exitCode)
  if (exit.kind === 'neverStarted') return { kind: 'neverStarted', why: exit.detail }
  if (reason?.startsWith('OutOfMemoryError')) {
    return { kind: 'diedAfterStart', why, exit: { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' } }
  }
  if (exit.kind !== 'signaled') return { kind: 'userFailed', exitCode }
  // Ended by a signal because its machine was taken away, and not because somebody wanted it to end.
  if (TAKEN_AWAY.has(task.stopCode ?? '')) return { kind: 'diedAfterStart', why, exit: { kind: 'lost', detail: why } }
  return { kind: 'diedAfterStart', why, exit }
}

const TAKEN_AWAY = new Set(['SpotInterruption', 'TerminationNotice', 'InfrastructureHealth'])

function reasonOf({ stopCode, stoppedReason }: EcsTask, containerReason: string | undefined): string {
  const parts = [stopCode, stoppedReason, containerReason === stoppedReason ? undefined : containerReason]
  const text = parts.filter((part) => part !== undefined && part !== '').join(': ')
  return text === '' ? 'ECS gives no reason.' : text
}
