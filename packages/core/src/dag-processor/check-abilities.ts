import type { ExecutorCapabilities } from '@fairlead/executor'
import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import type { ExecutorNeed } from '@fairlead/protocol/constants'
import { largestWorkloadBytes, type BundlePlace } from '../dispatch/largest-workload.ts'
import type { DagFileErrorCode } from './dag-import-error.ts'
import { factsOf, type ExecutorFacts } from './executor-facts.ts'

/** A mistake in how a task and its executor go together. */
export interface Misfit {
  readonly code: DagFileErrorCode
  readonly message: string
}

type Facts = Required<ExecutorCapabilities>

/** What each need asks of a class, and what the author is told when it is missing. */
const NEEDS: Record<ExecutorNeed, { isMet(facts: Facts): boolean; readonly missing: string }> = {
  adoption: { isMet: (facts) => facts.supportsAdoption, missing: 'does not find work again after a scheduler died' },
  callbacks: { isMet: (facts) => facts.supportsCallbacks, missing: 'runs no callbacks' },
  cancel: { isMet: (facts) => facts.supportsCancel, missing: 'cannot stop work that runs' },
  liveLogs: { isMet: (facts) => facts.servesLogs || facts.servesLiveLogs, missing: 'shows no log of work that runs' },
}

/** Why this executor cannot do what this task asks for, by the static facts of its class; null when it can. */
export function checkAbilities(
  dag: DagSpec,
  task: TaskSpec,
  executor: ExecutorFacts,
  bundle: BundlePlace,
): Misfit | null {
  const facts = factsOf(executor)
  const who = `Task "${task.taskId}" of Dag "${dag.dagId}"`
  return needMisfit(task, executor, facts, who) ?? runtimeMisfit(task, executor, facts, who) ?? sizeMisfit()

  function sizeMisfit(): Misfit | null {
    if (facts.maxPayloadBytes === null) return null
    const bytes = largestWorkloadBytes(dag, task, bundle)
    if (bytes <= facts.maxPayloadBytes) return null
    const message =
      `${who} makes a workload of up to ${bytes} bytes, and executor ${titleOf(executor)} passes on ${facts.maxPayloadBytes} ` +
      'at most. Move what is large out of its command, environment or inputs, or choose another executor.'
    return { code: 'EXECUTOR_WORKLOAD_TOO_LARGE', message }
  }
}

function needMisfit({ needs = [] }: TaskSpec, executor: ExecutorFacts, facts: Facts, who: string): Misfit | null {
  const unmet = needs.find((need) => !NEEDS[need].isMet(facts))
  if (unmet === undefined) return null
  const message =
    `${who} needs "${unmet}", and executor ${titleOf(executor)} ${NEEDS[unmet].missing}. ` +
    `Choose an executor that can, or remove "${unmet}" from its needs.`
  return { code: 'EXECUTOR_CANNOT', message }
}

function runtimeMisfit(
  { executionTimeoutMs }: TaskSpec,
  executor: ExecutorFacts,
  facts: Facts,
  who: string,
): Misfit | null {
  const { maxRuntimeMs } = facts
  if (maxRuntimeMs === null || (executionTimeoutMs !== null && executionTimeoutMs <= maxRuntimeMs)) return null
  const says =
    executionTimeoutMs === null ? 'has no executionTimeout' : `may run for ${durationText(executionTimeoutMs)}`
  const message =
    `${who} ${says}, and executor ${titleOf(executor)} runs nothing for longer than ${durationText(maxRuntimeMs)}. ` +
    'Give it an executionTimeout of no more than that, or choose another executor.'
  return { code: 'EXECUTOR_RUNTIME_EXCEEDED', message }
}

/** An executor as messages name it: by its name, and its class where that says more. */
export function titleOf({ name, executorClass }: ExecutorFacts): string {
  const className = executorClass.name ?? ''
  return className === '' || className === name ? `"${name}"` : `"${name}" (${className})`
}

function durationText(ms: number): string {
  const units = [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const
  const unit = units.find(([, size]) => ms >= size && ms % size === 0)
  return unit === undefined ? `${ms} ms` : `${ms / unit[1]} ${unit[0]}`
}
