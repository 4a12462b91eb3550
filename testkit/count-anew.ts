import { isTerminal, isTerminalDagRun, type TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../packages/core/src/db/database.ts'
import type { DagGraph } from '../packages/core/src/model/graph.ts'
import { evaluateTriggerRule } from '../packages/core/src/model/trigger-rule.ts'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'

/** Every sentence in which stored counts and states differ from what they count: none, after any committed move. */
export async function findMiscounts(tx: Tx, context: MoveContext): Promise<readonly string[]> {
  const problems: string[] = []
  const runs = await tx.query.selectFrom('dag_run').selectAll().orderBy('run_key').execute()
  const dispatches = await tx.query.selectFrom('dispatch').selectAll().execute()
  for (const run of runs) {
    const graph = await context.graphs.of(tx, run.version_id)
    const rows = await tx.query.selectFrom('task_instance').selectAll().where('run_key', '=', run.run_key).execute()
    const count = (is: (row: (typeof rows)[number]) => boolean): number => rows.filter(is).length
    const expected = {
      unfinished: count((row) => !isTerminal(row.state)),
      active: count(({ state }) => state === 'queued' || state === 'running'),
      waiting: count(({ state }) => state === 'scheduled'),
      failed_leaves: count(
        ({ is_leaf, state }) => is_leaf === 1 && (state === 'failed' || state === 'upstream_failed'),
      ),
    }
    for (const [name, value] of Object.entries(expected)) {
      const stored = run[name as keyof typeof expected]
      if (stored !== value) problems.push(`run ${run.run_key}: ${name} is ${stored}, and ${value} are`)
    }
    if (isTerminalDagRun(run.state) !== (expected.unfinished === 0) && run.state !== 'queued')
      problems.push(`run ${run.run_key} is ${run.state} with ${expected.unfinished} unfinished`)
    const states = new Map(rows.map((row) => [row.task_index, row.state]))
    for (const row of rows) {
      if (row.state === 'none' && run.state === 'running') problems.push(...undecided(graph, states, row))
      if (row.state === 'restarting' && !dispatches.some((one) => isAt(one, row) && one.stop_requested_at !== null))
        problems.push(`${row.run_key}/${row.task_id} restarts, and nothing of it is being stopped`)
      const isOpen = row.state === 'queued' || row.state === 'running'
      if (isOpen && !dispatches.some((one) => one.dispatch_id === row.dispatch_id && one.task_instance_id === row.id))
        problems.push(`${row.run_key}/${row.task_id} is ${row.state} without a slot`)
      if ((row.is_admissible !== null) !== (row.state === 'scheduled'))
        problems.push(`${row.run_key}/${row.task_id} is ${row.state}, and admissible ${row.is_admissible}`)
    }
  }
  for (const dag of await tx.query.selectFrom('dag').selectAll().execute()) {
    const own = (state: string): number => runs.filter((run) => run.dag_id === dag.dag_id && run.state === state).length
    if (dag.running_runs !== own('running') || dag.queued_runs !== own('queued'))
      problems.push(`${dag.dag_id} counts ${dag.running_runs} running and ${dag.queued_runs} queued runs`)
  }
  return problems
}

interface CountedRow {
  readonly run_key: number
  readonly task_index: number
  readonly task_id: string
  readonly up_success: number
  readonly up_failed: number
  readonly up_upstream_failed: number
  readonly up_skipped: number
  readonly up_removed: number
}

/** An undecided task has counted what ended upstream, and its trigger rule says to wait. */
function undecided(
  graph: DagGraph,
  states: ReadonlyMap<number, TaskInstanceState>,
  row: CountedRow,
): readonly string[] {
  const task = graph.tasks[row.task_index]
  if (task === undefined) return [`${row.task_id} is not in its Dag`]
  const ended = (state: TaskInstanceState, among = task.upstream): number =>
    among.filter((index) => states.get(index) === state).length
  const counts = {
    total: task.upstream.length,
    success: ended('success'),
    failed: ended('failed'),
    upstreamFailed: ended('upstream_failed'),
    skipped: ended('skipped'),
    removed: ended('removed'),
    setupTotal: 0,
    setupSuccess: 0,
    setupSkipped: 0,
  }
  const stored = [row.up_success, row.up_failed, row.up_upstream_failed, row.up_skipped, row.up_removed].join(' ')
  const { success, failed, upstreamFailed, skipped, removed } = counts
  const there = [success, failed, upstreamFailed, skipped, removed].join(' ')
  const place = `${row.run_key}/${row.task_id}`
  const problems = stored === there ? [] : [`${place} has counted ${stored}, and there are ${there}`]
  const decision = evaluateTriggerRule(task.spec.triggerRule, counts)
  return decision === 'wait' ? problems : [...problems, `${place} is undecided, and its rule says ${decision}`]
}

function isAt(
  one: { run_key: number; task_index: number; map_index: number },
  row: { run_key: number; task_index: number; map_index: number },
): boolean {
  return one.run_key === row.run_key && one.task_index === row.task_index && one.map_index === row.map_index
}
