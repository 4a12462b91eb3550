import type { TerminalTaskInstanceState } from '@fairlead/protocol'
import { settleUnstartedRows, type TaskAddress } from '../db/queries/move-task-instances.ts'
import { addUpstreamCounts, type CountedRow, type UpstreamChange } from '../db/queries/upstream-counts.ts'
import type { GraphTask } from '../model/graph.ts'
import { evaluateTriggerRule, type UpstreamCounts } from '../model/trigger-rule.ts'
import { countUpstream, emptyTally } from '../model/upstream-tally.ts'
import type { RunLedger } from './run-ledger.ts'
import { scheduleTasks } from './schedule-tasks.ts'

/** A task instance that has just settled. */
export interface SettledTask extends TaskAddress {
  readonly state: TerminalTaskInstanceState
}

/** A task instance that settles without running; it has a try when it was cleared after one. */
interface UnstartedTask extends SettledTask {
  readonly taskId: string
  readonly tryNumber: number
  readonly state: 'skipped' | 'upstream_failed'
}

/**
 * Carries settled states downstream: counts, trigger rules, and what those settle in turn, wave by wave. The work is
 * proportional to the edges that leave settled tasks, never to what is unfinished.
 */
export async function propagate(ledger: RunLedger, settled: readonly SettledTask[]): Promise<void> {
  // By address: a row that is ready stays undecided until the end, and a later wave may count for it again.
  const ready = new Map<string, TaskAddress & { from: 'none' }>()
  let wave = settled
  while (wave.length > 0) {
    const counted = await countWave(ledger, wave)
    const next: UnstartedTask[] = []
    for (const row of counted) {
      const task = await taskOf(ledger, row.run_key, row.task_index)
      const address = { runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index }
      const decision = evaluateTriggerRule(task.spec.triggerRule, countsOf(row, task))
      const key = `${row.run_key}/${row.task_index}/${row.map_index}`
      if (decision === 'run') ready.set(key, { ...address, from: 'none' })
      const named = { ...address, taskId: row.task_id, tryNumber: row.try_number }
      if (decision === 'skip') next.push({ ...named, state: 'skipped' })
      if (decision === 'upstream_failed') next.push({ ...named, state: 'upstream_failed' })
    }
    await settleWave(ledger, next)
    wave = next
  }
  await scheduleTasks(ledger, [...ready.values()])
}

async function countWave(ledger: RunLedger, wave: readonly SettledTask[]): Promise<readonly CountedRow[]> {
  const changes = new Map<string, UpstreamChange>()
  for (const settled of wave) {
    const task = await taskOf(ledger, settled.runKey, settled.taskIndex)
    const run = ledger.run(settled.runKey)
    run.unfinished -= 1
    if (task.isLeaf && (settled.state === 'failed' || settled.state === 'upstream_failed')) run.failedLeaves += 1
    for (const taskIndex of task.downstream)
      addTo(changes, { runKey: settled.runKey, taskIndex }, settled.state, task.spec.isSetup)
  }
  return changes.size === 0 ? [] : addUpstreamCounts(ledger.tx, [...changes.values()])
}

async function settleWave(ledger: RunLedger, wave: readonly UnstartedTask[]): Promise<void> {
  if (wave.length === 0) return
  await settleUnstartedRows(
    ledger.tx,
    wave.map(({ state, ...address }) => ({ ...address, to: state })),
    ledger.now,
  )
  for (const { runKey, taskId, mapIndex, tryNumber, state } of wave) {
    ledger.audit(runKey, { actor: 'scheduler', taskId, mapIndex, tryNumber, from: 'none', to: state })
  }
}

async function taskOf(ledger: RunLedger, runKey: number, taskIndex: number): Promise<GraphTask> {
  const graph = await ledger.graphOf(runKey)
  const task = graph.tasks[taskIndex]
  if (task === undefined) throw new Error(`Dag "${graph.spec.dagId}" has no task at index ${taskIndex}.`)
  return task
}

function addTo(
  changes: Map<string, UpstreamChange>,
  at: { runKey: number; taskIndex: number },
  state: TerminalTaskInstanceState,
  isSetup: boolean,
): void {
  const key = `${at.runKey}/${at.taskIndex}`
  const change = changes.get(key) ?? { ...at, ...emptyTally() }
  changes.set(key, change)
  countUpstream(change, state, isSetup)
}

function countsOf(row: CountedRow, task: GraphTask): UpstreamCounts {
  return {
    total: task.upstream.length,
    success: row.up_success,
    failed: row.up_failed,
    upstreamFailed: row.up_upstream_failed,
    skipped: row.up_skipped,
    removed: row.up_removed,
    setupTotal: task.setupUpstreams,
    setupSuccess: row.up_setup_success,
    setupSkipped: row.up_setup_skipped,
  }
}
