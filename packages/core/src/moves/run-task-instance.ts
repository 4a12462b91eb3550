import { isTerminal, type TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { clearLaunchBackoff } from '../db/queries/due.ts'
import { readLane, writeLane } from '../db/queries/lane-of-task-instance.ts'
import type { TaskAddress } from '../db/queries/move-task-instances.ts'
import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import { findRunKeys } from '../db/queries/select-runs.ts'
import { readLiveDispatches } from '../db/queries/stop-requests.ts'
import { decideRun, type DecidedRow } from '../model/decide-run.ts'
import { laneText, parseLane, type Lane } from '../model/lane.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { changeRows, endRewrite, holdRuns, type HeldRuns } from './rewrite-runs.ts'
import { scheduleTasks } from './schedule-tasks.ts'

/** A task instance that is to run now, and on whose word. */
export interface RunTaskOrder {
  readonly actor: string
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  /** Null for where it would run anyway. */
  readonly executor: string | null
  /** True to run it past what is upstream of it. */
  readonly ignoresDependencies: boolean
  /** Why an executor cannot be asked for it, or null when it can. */
  problemWith(executor: string): string | null
}

/** What became of the order. */
export type RunTaskAnswer =
  | { readonly kind: 'scheduled'; readonly executors: readonly string[] }
  | { readonly kind: 'notFound' }
  /** It is on its way to a process, or has one. */
  | { readonly kind: 'active'; readonly state: TaskInstanceState }
  /** It has settled, and its last process is not confirmed gone. */
  | { readonly kind: 'notGone' }
  | { readonly kind: 'unmet'; readonly rule: string; readonly upstream: ReadonlyMap<string, TaskInstanceState> }
  | { readonly kind: 'executor'; readonly problem: string }

/**
 * Schedules one task instance by hand, past the delay of its retry and, when told to, past what is upstream of it. One
 * that has settled is cleared first; a run that has ended is queued again. Pools, limits and priorities hold as ever.
 */
export function runTaskInstance(context: MoveContext, order: RunTaskOrder): Promise<RunTaskAnswer> {
  return inTransaction(context, async (tx): Promise<RunTaskAnswer> => {
    const one = { kind: 'one', runId: order.runId, past: false, future: false } as const
    const runKeys = await findRunKeys(tx, order.dagId, one)
    if (runKeys === null) return { kind: 'notFound' }
    const held = await holdRuns(tx, context, runKeys)
    const row = held.rows.find(({ task_id, map_index }) => task_id === order.taskId && map_index === order.mapIndex)
    if (row === undefined) return { kind: 'notFound' }
    const refusal = await refusalOf(tx, held, { row, order })
    if (refusal !== null) return refusal
    const lane = parseLane((await readLane(tx, addressOf(row))).lane)
    const wanted = wantedLane(lane, order)
    if (wanted.kind === 'executor') return wanted
    await schedule(held, row, order.actor)
    await enter(held, row, { lane: wanted.lane, order })
    await endRewrite(held)
    return { kind: 'scheduled', executors: wanted.lane.executors }
  })
}

/** States out of which a task instance can be scheduled by hand, beside those that are settled. */
const STARTABLE: ReadonlySet<TaskInstanceState> = new Set(['none', 'scheduled', 'up_for_retry'])

async function refusalOf(
  tx: Tx,
  held: HeldRuns,
  { row, order }: { row: StandingRow; order: RunTaskOrder },
): Promise<RunTaskAnswer | null> {
  if (!isTerminal(row.state) && !STARTABLE.has(row.state)) return { kind: 'active', state: row.state }
  if ((await readLiveDispatches(tx, [addressOf(row)])).length > 0) return { kind: 'notGone' }
  return order.ignoresDependencies ? null : unmet(held, row)
}

/** What its trigger rule would say if it were undecided, by how all that is before it stands. */
async function unmet({ ledger, rows }: HeldRuns, row: StandingRow): Promise<RunTaskAnswer | null> {
  const graph = await ledger.graphOf(row.run_key)
  const asked = (one: StandingRow): boolean => one.id === row.id
  const decidable = rows.map((one) => {
    return { taskIndex: one.task_index, mapIndex: one.map_index, state: asked(one) ? 'none' : one.state, row: one }
  })
  const decided: ReadonlyArray<DecidedRow<(typeof decidable)[number]>> = decideRun(graph, decidable, { decides: true })
  if (decided.find((one) => asked(one.row.row))?.decision === 'run') return null
  const task = graph.tasks[row.task_index]
  const upstream = rows.filter((one) => task?.upstream.includes(one.task_index) === true)
  const rule = task?.spec.triggerRule ?? 'all_success'
  return { kind: 'unmet', rule, upstream: new Map(upstream.map((one) => [one.task_id, one.state])) }
}

function wantedLane(
  lane: Lane,
  { executor, problemWith }: RunTaskOrder,
): { readonly kind: 'lane'; readonly lane: Lane } | Extract<RunTaskAnswer, { kind: 'executor' }> {
  const asked = executor === null ? lane.executors : [executor]
  const executors = asked.filter((name) => problemWith(name) === null)
  if (executors.length > 0) return { kind: 'lane', lane: { ...lane, executors } }
  return { kind: 'executor', problem: asked.flatMap((name) => problemWith(name) ?? []).join(' ') }
}

async function schedule(held: HeldRuns, row: StandingRow, actor: string): Promise<void> {
  const { ledger } = held
  const isSettled = isTerminal(row.state)
  await changeRows(held, isSettled ? [{ kind: 'clear', row }] : [], { actor, reason: 'cleared' })
  if (row.state === 'scheduled') {
    await clearLaunchBackoff(ledger.tx, [row.id])
    ledger.run(row.run_key).mustRefit = true
    return
  }
  const from = row.state === 'up_for_retry' ? row.state : 'none'
  await scheduleTasks(ledger, [{ ...addressOf(row), from }], actor)
}

/** Has it wait for the executors that were asked for, and notes who asked. */
async function enter(
  { ledger }: HeldRuns,
  row: StandingRow,
  { lane, order }: { lane: Lane; order: RunTaskOrder },
): Promise<void> {
  const current = await readLane(ledger.tx, addressOf(row))
  const text = laneText(lane)
  if (text !== current.lane) {
    await writeLane(ledger.tx, current, { lane: text, executor: lane.executors[0] ?? '' })
    ledger.run(row.run_key).mustRefit = true
  }
  const { dag_id: dagId, run_id: runId } = ledger.run(row.run_key).row
  const { actor, taskId, mapIndex, ignoresDependencies } = order
  const detail = { executors: lane.executors, ignoresDependencies }
  ledger.note({ event: 'task_instance.run_requested', actor, dagId, runId, taskId, mapIndex, detail })
}

function addressOf(row: StandingRow): TaskAddress {
  return { runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index }
}
