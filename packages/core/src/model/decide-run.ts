import { isTerminal, type TaskInstanceState } from '@fairlead/protocol'
import type { DagGraph, GraphTask } from './graph.ts'
import { evaluateTriggerRule, type UpstreamCounts } from './trigger-rule.ts'
import { countUpstream, emptyTally } from './upstream-tally.ts'

/**
 * A whole run decided anew from the states of its task instances: what ordinary moves carry along by counting. For runs
 * that somebody changed by hand, where counting from one end to the next no longer leads to the truth.
 */

/** A task instance as deciding sees it. */
export interface DecidableRow {
  readonly taskIndex: number
  readonly mapIndex: number
  readonly state: TaskInstanceState
}

/** What an undecided task instance has counted of its upstreams, and what follows. */
export interface DecidedRow<Row extends DecidableRow> {
  readonly row: Row
  readonly counts: UpstreamCounts
  readonly decision: 'run' | 'wait' | 'skipped' | 'upstream_failed'
}

/**
 * Decides every task instance in `none`, upstream first, so that what one settles as counts for the next. Without
 * `decides` nothing is decided, and only counted: the run has not started.
 */
export function decideRun<Row extends DecidableRow>(
  graph: DagGraph,
  rows: readonly Row[],
  { decides }: { decides: boolean },
): readonly DecidedRow<Row>[] {
  const states = new Map<number, TaskInstanceState[]>()
  const byTask = rowsByTask(rows)
  const decided: DecidedRow<Row>[] = []
  for (const task of graph.tasks) {
    const own: TaskInstanceState[] = []
    for (const row of byTask.get(task.index) ?? []) {
      if (row.state !== 'none') {
        own.push(row.state)
        continue
      }
      const counts = countsOf(graph, task, states)
      const decision = decides ? decisionOf(task, counts) : 'wait'
      own.push(decision === 'run' || decision === 'wait' ? 'none' : decision)
      decided.push({ row, counts, decision })
    }
    states.set(task.index, own)
  }
  return decided
}

function rowsByTask<Row extends DecidableRow>(rows: readonly Row[]): ReadonlyMap<number, readonly Row[]> {
  const byTask = new Map<number, Row[]>()
  for (const row of rows) {
    const own = byTask.get(row.taskIndex)
    if (own === undefined) byTask.set(row.taskIndex, [row])
    else own.push(row)
  }
  return byTask
}

function decisionOf(task: GraphTask, counts: UpstreamCounts): DecidedRow<DecidableRow>['decision'] {
  const decision = evaluateTriggerRule(task.spec.triggerRule, counts)
  return decision === 'skip' ? 'skipped' : decision
}

function countsOf(
  graph: DagGraph,
  task: GraphTask,
  states: ReadonlyMap<number, readonly TaskInstanceState[]>,
): UpstreamCounts {
  const counts = { ...emptyTally(), total: task.upstream.length, setupTotal: task.setupUpstreams }
  for (const index of task.upstream) {
    const isSetup = graph.tasks[index]?.spec.isSetup === true
    for (const state of states.get(index) ?? []) if (isTerminal(state)) countUpstream(counts, state, isSetup)
  }
  return counts
}
