import { isTerminal, type TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../../packages/core/src/db/database.ts'
import { statement } from '../../packages/core/src/db/statement.ts'
import { groupBy } from './group-by.ts'
import type { RunModel, TaskModel } from './run-model.ts'

/** Counts in the database against what they count, and rows against the audit log. */

interface RunRow {
  readonly run_key: number
  readonly state: string
  readonly unfinished: number
  readonly active: number
  readonly waiting: number
  readonly failed_leaves: number
  readonly max_active_tasks: number
  readonly is_paused: number
}

interface TaskRow {
  readonly run_key: number
  readonly task_id: string
  readonly task_index: number
  readonly lane: string
  readonly state: TaskInstanceState
  readonly try_number: number
  readonly dispatch_id: string | null
  readonly priority: number
  readonly is_admissible: number
  readonly ready_at: number | null
  readonly ups: string
}

interface DagRow {
  readonly dag_id: string
  readonly running_runs: number
  readonly queued_runs: number
  readonly max_active_runs: number
}

const runRows = statement(
  () => `select r.run_key, r.state, r.unfinished, r.active, r.waiting, r.failed_leaves, r.max_active_tasks, d.is_paused
  from dag_run r join dag d on d.dag_id = r.dag_id where r.run_key in (select value from json_each($1))`,
)
const taskRows = statement(
  () => `select run_key, task_id, task_index, lane, state, try_number, dispatch_id, priority, is_admissible, ready_at,
    up_success || ' ' || up_failed || ' ' || up_upstream_failed || ' ' || up_skipped || ' ' || up_setup_success || ' ' || up_setup_skipped as ups
  from task_instance where run_key in (select value from json_each($1))
  order by priority desc, task_index`,
)
const dagRows = statement(() => `select dag_id, running_runs, queued_runs, max_active_runs from dag`)

/** Reports a violated invariant. */
export type Violated = (invariant: string, detail: string) => void

/** Recounts these runs. */
export async function recountRuns(tx: Tx, runs: readonly RunModel[], violated: Violated): Promise<void> {
  const keys = JSON.stringify(runs.map((run) => run.runKey))
  const rows = new Map((await tx.all<RunRow>(runRows, [keys])).map((row) => [row.run_key, row]))
  const tasks = groupBy(await tx.all<TaskRow>(taskRows, [keys]), (row) => row.run_key)
  for (const run of runs) {
    const row = rows.get(run.runKey)
    if (row === undefined) violated('complete audit', `run ${run.runId} is gone`)
    else checkRun(run, row, tasks.get(run.runKey) ?? [], violated)
  }
}

/** Recounts the runs of Dags. */
export async function recountDags(
  tx: Tx,
  { runs, number }: { runs: Iterable<RunModel>; number: number },
  violated: Violated,
): Promise<void> {
  const byDag = groupBy(runs, (run) => run.dagId)
  for (const dag of await tx.all<DagRow>(dagRows)) {
    const own = byDag.get(dag.dag_id) ?? []
    const count = (state: string): number => own.filter((run) => run.state === state).length
    if (count('running') !== dag.running_runs || count('queued') !== dag.queued_runs) {
      violated(
        'run counts',
        `${dag.dag_id} counts ${dag.running_runs} running and ${dag.queued_runs} queued runs, and has ${count('running')} and ${count('queued')}`,
      )
    }
    // A new version may allow fewer than are running.
    if (dag.running_runs > dag.max_active_runs && own.some((run) => run.startedIn === number))
      violated('maxActiveRuns', `${dag.dag_id} has ${dag.running_runs} running`)
  }
}

function checkRun(run: RunModel, row: RunRow, rows: readonly TaskRow[], violated: Violated): void {
  if (row.state !== run.state) violated('complete audit', `run ${run.runId} is ${row.state}, logged as ${run.state}`)
  const tasks = [...run.tasks.values()]
  const expected = {
    unfinished: tasks.filter((task) => !isTerminal(task.state)).length,
    active: tasks.filter(isActive).length,
    waiting: tasks.filter((task) => task.state === 'scheduled').length,
    failed_leaves: tasks.filter((task) => task.isLeaf && (task.state === 'failed' || task.state === 'upstream_failed'))
      .length,
  }
  for (const [name, count] of Object.entries(expected)) {
    const found = row[name as keyof typeof expected]
    if (found !== count) violated('task counts', `${run.dagId}/${run.runId}: ${name} is ${found}, and ${count} are`)
  }
  if (expected.active > row.max_active_tasks) violated('maxActiveTasks', `${run.runId} has ${expected.active} active`)
  for (const taskRow of rows) checkTask(run, taskRow, violated)
  checkWindow(run, row, rows, violated)
}

function checkTask(run: RunModel, row: TaskRow, violated: Violated): void {
  const task = run.tasks.get(row.task_id)
  if (task === undefined) return violated('complete audit', `${run.runId}/${row.task_id} was never created`)
  if (row.state !== task.state) violated('complete audit', `${task.label} is ${row.state}, logged as ${task.state}`)
  if (row.try_number !== task.tryNumber)
    violated('tries', `${task.label} has try ${row.try_number}, not ${task.tryNumber}`)
  if (row.dispatch_id !== task.dispatchId) violated('one live attempt', `${task.label} belongs to ${row.dispatch_id}`)
  if (task.state === 'none' && run.state === 'running' && row.ups !== countsOf(task)) {
    violated('upstream counts', `${task.label} has counted ${row.ups}, and there are ${countsOf(task)}`)
  }
}

function countsOf({ upstream }: TaskModel): string {
  const count = (state: TaskInstanceState, isSetup = false): number =>
    upstream.filter((task) => task.state === state && (!isSetup || task.isSetup)).length
  const plain = (['success', 'failed', 'upstream_failed', 'skipped'] as const).map((state) => count(state))
  return [...plain, count('success', true), count('skipped', true)].join(' ')
}

/** Exactly the first places of a run are admissible in each lane: one more breaks its limit, one less starves it. */
function checkWindow(run: RunModel, row: RunRow, rows: readonly TaskRow[], violated: Violated): void {
  const ready = rows.filter((task) => task.state === 'scheduled' && task.ready_at === null)
  const places = row.is_paused === 1 ? 0 : Math.max(0, row.max_active_tasks - row.active)
  const seen = new Map<string, number>()
  const isInside = ({ lane }: TaskRow): boolean => {
    seen.set(lane, (seen.get(lane) ?? 0) + 1)
    return (seen.get(lane) ?? 0) <= places
  }
  const expected = ready.filter(isInside).map((task) => task.task_id)
  const found = rows.filter((task) => task.is_admissible === 1).map((task) => task.task_id)
  if (expected.join() !== found.join()) {
    violated(
      'windows',
      `${run.runId}: admissible are [${found.join(' ')}], not [${expected.join(' ')}] (${row.active} of ${row.max_active_tasks} active, paused ${row.is_paused})`,
    )
  }
}

function isActive(task: TaskModel): boolean {
  return task.state === 'queued' || task.state === 'running'
}
