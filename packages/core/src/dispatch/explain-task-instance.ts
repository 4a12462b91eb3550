import { isTerminal, type TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { readAdmissibleOfRun, readAsCandidate, readRunGates, readStates } from '../db/queries/explain-reads.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import type { TaskAddress } from '../db/queries/move-task-instances.ts'
import { readPassedOver } from '../db/queries/passed-over.ts'
import { readLiveDispatches } from '../db/queries/stop-requests.ts'
import { admit, type Admitted } from '../model/admission.ts'
import { parseLane } from '../model/lane.ts'
import type { ExecutorGate } from '../model/route.ts'
import { isGone } from '../model/version-change.ts'
import {
  firstCandidates,
  readCapacities,
  readLanes,
  runCapacity,
  toCandidate,
  type ExecutorOffer,
} from '../moves/claim-task-instances.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { RunLedger } from '../moves/run-ledger.ts'
import { explanation, iso, type Explanation } from './explanation.ts'
import { DAG_PAUSED, heldBy, sentencesOf } from './explain-gate.ts'

/** The facts of a task instance that explaining starts from. */
export interface ExplainedRow {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly version_id: string
  readonly task_id: string
  readonly state: TaskInstanceState
  readonly executor: string
  readonly lane: string
  readonly try_number: number
  readonly max_tries: number
  readonly launch_attempts: number
  readonly cause: string | null
  readonly ready_at: number | null
  readonly queued_at: number | null
  readonly started_at: number | null
  readonly ended_at: number | null
}

/** Says what holds a task instance back, by asking admission itself. */
export function explainTaskInstance(
  context: MoveContext,
  offers: ReadonlyMap<string, ExecutorOffer>,
  row: ExplainedRow,
): Promise<Explanation> {
  if (isTerminal(row.state)) return context.database.transaction((tx) => explainSettled(tx, row))
  switch (row.state) {
    case 'none':
      return context.database.transaction((tx) => explainWaiting(tx, context, row))
    case 'scheduled':
      return context.database.transaction((tx) => explainScheduled(tx, context, offers, row))
    case 'queued':
    case 'running':
      return context.database.transaction((tx) => explainHandedOver(tx, row))
    case 'up_for_retry':
      return Promise.resolve(
        explanation('retry_delay', `Try ${row.try_number} waits for its delay until ${iso(row.ready_at) ?? 'now'}.`, {
          until: iso(row.ready_at),
          tryNumber: row.try_number,
          maxTries: row.max_tries,
          launchAttempts: row.launch_attempts,
        }),
      )
    case 'restarting':
      return context.database.transaction((tx) => explainRestarting(tx, context, row))
    default:
      return Promise.resolve(explanation(row.state, `Its state is ${row.state}.`, {}))
  }
}

async function explainHandedOver(tx: Tx, row: ExplainedRow): Promise<Explanation> {
  const { state, executor } = row
  const passedOver = await readPassedOver(tx, row.id)
  const why = sinceOf(passedOver)
  if (state === 'running') {
    const startedAt = iso(row.started_at)
    const sentence = `Runs since ${startedAt ?? 'a moment'} on executor "${executor}"${why}.`
    return explanation('running', sentence, { executor, startedAt, passedOver })
  }
  const facts = { executor, queuedAt: iso(row.queued_at), launchAttempts: row.launch_attempts, passedOver }
  return explanation('queued', `Handed to executor "${executor}"${why}; it has not started it yet.`, facts)
}

/** Why it did not go to an executor before. */
function sinceOf(passedOver: readonly ExecutorGate[]): string {
  return passedOver.length === 0 ? '' : `, since ${sentencesOf(passedOver)}`
}

async function explainSettled(tx: Tx, row: ExplainedRow): Promise<Explanation> {
  const { state, cause, ended_at: endedAt, try_number: tryNumber, max_tries: maxTries } = row
  const passedOver = await readPassedOver(tx, row.id)
  const where = passedOver.length === 0 ? '' : `; it went to executor "${row.executor}"${sinceOf(passedOver)}`
  const why = (cause === null ? '' : `, because: ${cause.replaceAll('_', ' ')}`) + where
  const facts = { state, cause, endedAt: iso(endedAt), tryNumber, maxTries, passedOver }
  const stop = (await readLiveDispatches(tx, [addressOf(row)])).find((one) => one.stop_requested_at !== null)
  if (stop === undefined) return explanation('settled', `Settled as ${state}${why}.`, facts)
  const since = iso(stop.stop_requested_at)
  return explanation(
    'settled',
    `Settled as ${state}${why}; its process is being stopped on executor "${stop.executor}" since ${since}, ` +
      'and is not confirmed gone.',
    { ...facts, executor: stop.executor, stoppingSince: since },
  )
}

function addressOf(row: ExplainedRow): TaskAddress {
  return { runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index }
}

async function explainRestarting(tx: Tx, { environment }: MoveContext, row: ExplainedRow): Promise<Explanation> {
  const [stop] = await readLiveDispatches(tx, [addressOf(row)])
  const since = stop?.stop_requested_at ?? environment.clock.now()
  const why = isGone(row) ? 'Its task is gone: it is removed once' : 'Cleared: waits until'
  return explanation('restarting', `${why} the process of try ${row.try_number} is confirmed gone.`, {
    tryNumber: row.try_number,
    executor: stop?.executor ?? null,
    stoppingSince: iso(since),
  })
}

async function explainWaiting(tx: Tx, context: MoveContext, row: ExplainedRow): Promise<Explanation> {
  const run = await explainRun(tx, context, row.run_key)
  if (run !== null) return run
  const graph = await context.graphs.of(tx, row.version_id)
  const task = graph.tasks[row.task_index]
  const states = await readStates(tx, row.run_key, task?.upstream ?? [])
  const open = [...states].filter(([, state]) => !isTerminal(state)).map(([taskId]) => taskId)
  const rule = task?.spec.triggerRule ?? 'all_success'
  return explanation('upstream', `Trigger rule ${rule} waits for: ${open.join(', ')}.`, {
    triggerRule: rule,
    waitingFor: open,
    upstream: Object.fromEntries(states),
  })
}

async function explainRun(tx: Tx, { environment }: MoveContext, runKey: number): Promise<Explanation | null> {
  const run = await readRunGates(tx, runKey)
  if (run.state !== 'queued') return null
  if (run.is_paused === 1) return explanation('dag_paused', DAG_PAUSED, {})
  if (run.run_after > environment.clock.now()) {
    return explanation('run_after', `The run starts at ${iso(run.run_after) ?? ''}.`, { runAfter: iso(run.run_after) })
  }
  const facts = { limit: run.max_active_runs, running: run.running_runs }
  return explanation(
    'max_active_runs',
    `The run is queued: ${run.running_runs} of at most ${run.max_active_runs} runs of its Dag run.`,
    facts,
  )
}

async function explainScheduled(
  tx: Tx,
  context: MoveContext,
  offers: ReadonlyMap<string, ExecutorOffer>,
  row: ExplainedRow,
): Promise<Explanation> {
  const asked = await readAsCandidate(tx, row.id)
  if (asked === undefined) return explanation('moving', 'It has just changed state. Ask again.', {})
  const own = { text: asked.lane, lane: parseLane(asked.lane) }
  const lanes = await readLanes(tx)
  const capacities = await readCapacities(tx, offers, [...lanes, own])
  const first = await firstCandidates(tx, { lanes, capacities, most: Number.MAX_SAFE_INTEGER })
  const byText = new Map(lanes.map(({ text, lane }) => [text, lane]))
  const ofRun = (await readAdmissibleOfRun(tx, row.run_key)).map((one) => {
    return { row: one, lane: byText.get(one.lane) ?? parseLane(one.lane) }
  })
  const candidates = new Map([...first, ...ofRun].map((one) => [one.row.id, toCandidate(one)]))
  candidates.set(asked.id, { ...toCandidate({ row: asked, lane: own.lane }), readyAt: asked.ready_at })
  const runKeys = [...new Set([...candidates.values()].map(({ runKey }) => runKey))]
  const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeys))
  const runs = new Map(ledger.runs.map((run) => [run.row.run_key, runCapacity(run)]))
  const now = context.environment.clock.now()
  const { admitted, held } = admit({ now, candidates: [...candidates.values()], runs, ...capacities })
  const gate = held.get(row.id)
  if (gate?.kind === 'run_not_running') return (await explainRun(tx, context, row.run_key)) ?? heldBy(gate)
  if (gate !== undefined) return heldBy(gate)
  return ready(admitted.find(({ candidate }) => candidate.id === row.id))
}

function ready(admitted: Admitted | undefined): Explanation {
  const { executor, passedOver = [] } = admitted ?? {}
  const where = executor === undefined || passedOver.length === 0 ? '' : ` on executor "${executor}"`
  return explanation('ready', `Ready: the next turn of the scheduler queues it${where}${sinceOf(passedOver)}.`, {
    executor,
    passedOver,
  })
}
