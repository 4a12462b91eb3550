import { setTimeout as sleep } from 'node:timers/promises'
import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import { validateValue } from '../dispatch/validate-value.ts'
import { titleOf, type Misfit } from './check-abilities.ts'
import { factsOf, type ExecutorFacts } from './executor-facts.ts'

const LONGEST_CHECK_MS = 5_000

/** Why this executor does not take the task's `executorConfig`, by the schema of its class; null when it does. */
export async function checkExecutorConfig(
  dag: DagSpec,
  task: TaskSpec,
  executor: ExecutorFacts,
): Promise<Misfit | null> {
  const { executorConfigSchema } = factsOf(executor)
  const config = task.executorConfig
  const who = `Task "${task.taskId}" of Dag "${dag.dagId}"`
  if (executorConfigSchema === null) {
    if (config === undefined || config === null) return null
    const remedy = 'Remove it, or choose an executor that takes one.'
    return misfit(`${who} gives an executorConfig, and executor ${titleOf(executor)} takes none. ${remedy}`)
  }
  // A schema that asks the world and hears nothing must not hold up every other Dag.
  const over = new AbortController()
  const late = sleep(LONGEST_CHECK_MS, null, { signal: over.signal }).catch(() => null)
  // A task that gives none is checked as one that gives nothing of it: a key may be mandatory.
  const checked = await Promise.race([validateValue(executorConfigSchema, config ?? {}), late])
  over.abort()
  if (checked?.kind === 'valid') return null
  const problem = checked === null ? `its schema did not answer within ${LONGEST_CHECK_MS} ms` : checked.problem
  return misfit(
    `${who} ${config === undefined ? 'gives no executorConfig' : 'gives an executorConfig'} that executor ` +
      `${titleOf(executor)} takes: ${problem}. Correct executorConfig where the task is written, or choose another executor.`,
  )
}

function misfit(message: string): Misfit {
  return { code: 'EXECUTOR_CONFIG_INVALID', message }
}
