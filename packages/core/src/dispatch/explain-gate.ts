import type { AdmissionGate, LaneGate } from '../model/admission.ts'
import type { ExecutorGate } from '../model/route.ts'
import { explanation, iso, type Explanation } from './explanation.ts'

/** The gates of admission in words. */

export const DAG_PAUSED = 'The Dag is paused. Unpause it with `fairlead dags unpause`.'

/** What holds a task instance back. */
export function heldBy(gate: AdmissionGate): Explanation {
  const { kind, ...facts } = gate
  const shown = 'until' in facts ? { ...facts, until: iso(facts.until) } : facts
  return explanation(kind, sentenceOf(gate), shown)
}

function sentenceOf(gate: AdmissionGate): string {
  switch (gate.kind) {
    case 'launch_backoff':
      return `Its last launch failed; the next one is not before ${iso(gate.until) ?? ''}.`
    case 'dag_paused':
      return DAG_PAUSED
    case 'run_not_running':
      return 'Its run is not running.'
    case 'max_active_tasks':
      return `Its run may have ${gate.limit} task instances active at once, and has as many or has others ahead.`
    default:
      return sentenceOfLane(gate)
  }
}

function sentenceOfLane(gate: LaneGate): string {
  switch (gate.kind) {
    case 'pool_missing':
      return `There is no pool "${gate.pool}". Make it with \`fairlead pools set\`, or change the task's pool.`
    case 'pool_too_small':
      return `It needs ${slots(gate.needs)} of pool "${gate.pool}", which has ${gate.slots} in all. Give the pool more, or the task fewer.`
    case 'pool_full':
      return `It needs ${slots(gate.needs)} of pool "${gate.pool}", and fewer of its ${gate.slots} are open, or others are ahead.`
    case 'max_active_tis_per_dag':
      return `Its task may have ${gate.limit} instances active at once over all runs, and has as many or has others ahead.`
    case 'max_active_tis_per_dagrun':
      return `Its task may have ${gate.limit} instances active at once in its run, and has as many or has others ahead.`
    default: {
      const others = gate.passedOver.length === 0 ? '' : ` Of the others in its list, ${sentencesOf(gate.passedOver)}.`
      return `${capitalised(sentenceOfExecutor(gate))}${remedyOf(gate)}.${others}`
    }
  }
}

/** Why executors take nothing, as one clause after another. */
export function sentencesOf(gates: readonly ExecutorGate[]): string {
  return gates.map(sentenceOfExecutor).join('; ')
}

function sentenceOfExecutor(gate: ExecutorGate): string {
  switch (gate.kind) {
    case 'executor_not_configured':
      return `no executor named "${gate.executor}" is configured`
    case 'executor_unhealthy':
      return `executor "${gate.executor}" takes no work: ${gate.reason}`
    case 'executor_full':
      return `all ${gate.parallelism} slots of executor "${gate.executor}" are taken, or others are ahead`
    default:
      return gate satisfies never
  }
}

function remedyOf({ kind }: ExecutorGate): string {
  return kind === 'executor_not_configured' ? ". Add it under `executors`, or change the task's executor" : ''
}

function slots(count: number): string {
  return count === 1 ? 'a slot' : `${count} slots`
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
