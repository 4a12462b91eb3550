import { isTerminal } from '@fairlead/protocol'
import type { RunModel, TaskModel } from './run-model.ts'
import { naiveDecision, type OracleDecision, type OracleUpstream } from './trigger-oracle.ts'

/**
 * Trigger rules, once transaction number `now` is over: what was decided in it follows from the upstreams that were
 * settled by then and was not due before, and what is undecided still has to wait. Answers what is wrong.
 */
export function checkTriggerRules(run: RunModel, now: number): string | null {
  if (run.state === 'queued') return null
  for (const task of run.tasks.values()) {
    const problem = task.decidedIn === now ? checkDecision(run, task, now) : checkWaiting(task)
    if (problem !== null) return problem
  }
  return null
}

function checkWaiting(task: TaskModel): string | null {
  if (task.state !== 'none') return null
  const decision = naiveDecision(task.rule, task.upstream)
  return decision === 'wait' ? null : `${task.label} still waits, and ${task.rule} says ${decision}${shown(task)}`
}

function checkDecision(run: RunModel, task: TaskModel, now: number): string | null {
  const before = task.upstream.filter((one) => one.settledIn !== null && one.settledIn < now)
  const during = task.upstream.filter((one) => one.settledIn === now)
  const due = naiveDecision(task.rule, asOf(task, before))
  if (due !== 'wait' && run.startedIn !== now && task.clearedIn !== now)
    return `${task.label} was decided late: ${task.rule} said ${due} before`
  const made = decisionOf(task)
  for (const some of subsets(during)) {
    if (naiveDecision(task.rule, asOf(task, [...before, ...some])) === made) return null
  }
  return `${task.label} was decided as ${made}, and ${task.rule} never says so${shown(task)}`
}

function decisionOf(task: TaskModel): OracleDecision {
  if (task.decidedAs === 'skipped') return 'skip'
  return task.decidedAs === 'upstream_failed' ? 'upstream_failed' : 'run'
}

function asOf(task: TaskModel, settled: readonly TaskModel[]): readonly OracleUpstream[] {
  return task.upstream.map((one) => ({ isSetup: one.isSetup, state: settled.includes(one) ? one.state : 'none' }))
}

// What settles in one transaction settles in waves, and a rule may decide after any of them.
function subsets(tasks: readonly TaskModel[]): ReadonlyArray<readonly TaskModel[]> {
  return tasks.reduce<ReadonlyArray<readonly TaskModel[]>>(
    (all, task) => [...all, ...all.map((one) => [...one, task])],
    [[]],
  )
}

function shown(task: TaskModel): string {
  return ` of ${task.upstream.map((one) => `${one.taskId}=${isTerminal(one.state) ? one.state : 'open'}`).join(' ')}`
}
