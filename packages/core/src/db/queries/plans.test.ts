import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  openStoredWorld,
  storeDag,
  storeRun,
  STORED_AT,
  STORED_LANE,
  type StoredWorld,
} from '../../../../../testkit/stored-runs.ts'
import { describeOnEngines, type TestEngine } from '../../../../../testkit/test-databases.ts'
import type { Tx } from '../database.ts'
import type { Statement } from '../dialect/dialect.ts'
import { windowOf as postgresWindowOf } from '../dialect/postgres/window.ts'
import { windowOf as sqliteWindowOf } from '../dialect/sqlite/window.ts'
import { statement } from '../statement.ts'
import { readActiveTis, readUsedSlots, readWaitingLanes } from './capacity-reads.ts'
import { ageWaiting, claimCandidates, readCandidates } from './claims.ts'
import {
  findOpenAttempts,
  findOrphanedExecutors,
  findOrphans,
  findSilent,
  findStuck,
  nameExternally,
  readDispatches,
  releaseDispatches,
} from './dispatches.ts'
import { findDueDags, findDueTaskInstances, findNextMoment, findStartableRuns } from './due.ts'
import { lockRuns, lockRunsOfTaskInstances } from './lock-runs.ts'
import {
  findArchived,
  readTaskInstances,
  relaunchRows,
  renewRows,
  scheduleRows,
  settleRows,
  settleUnstartedRows,
  startRows,
  touchHeartbeat,
} from './move-task-instances.ts'
import { takeClaimTurn } from './schedulers.ts'
import { changeDagRunCounts, changeRunCounts, moveRunsToRunning, settleRuns } from './update-runs.ts'
import { addUpstreamCounts } from './upstream-counts.ts'
import { setWindows } from './windows.ts'

const RUNS = 40
const TASKS = 100
/** Tables that grow with what is unfinished, or with history. A scan of one of them is work that nobody asked for. */
const LARGE = ['task_instance', 'task_instance_history', 'dag_run', 'audit_log']

describeOnEngines('plans', (engine) => {
  let world: StoredWorld

  beforeAll(async () => {
    world = await openStoredWorld(engine)
    await world.database.transaction(fill)
    if (engine.name === 'postgres') await world.database.transaction((tx) => tx.all(statement(() => 'analyze')))
  })
  afterAll(async () => {
    await world.close()
  })

  const id = 'run 7/3'
  const address = { runKey: 7, taskIndex: 3, mapIndex: -1 }
  const end = { endedAt: STORED_AT, cause: null, exit: null, error: null }
  const counts = { success: 1, failed: 0, upstreamFailed: 0, skipped: 0, removed: 0, setupSuccess: 0, setupSkipped: 0 }
  const worker = { hostname: 'h', unixname: 'u', pid: 1, nonce: null, startedAt: STORED_AT }

  const hot: ReadonlyArray<readonly [name: string, run: (tx: Tx) => Promise<unknown>]> = [
    ['readCandidates', (tx) => readCandidates(tx, STORED_LANE, 10)],
    ['claimCandidates', claimOne],
    ['readUsedSlots', readUsedSlots],
    ['readWaitingLanes', readWaitingLanes],
    ['readActiveTis', readActiveTis],
    ['takeClaimTurn', (tx) => takeClaimTurn(tx, 's', STORED_AT)],
    ['lockRuns', (tx) => lockRuns(tx, [7])],
    ['lockRunsOfTaskInstances', (tx) => lockRunsOfTaskInstances(tx, [id])],
    ['readTaskInstances', (tx) => readTaskInstances(tx, [id])],
    ['findArchived', (tx) => findArchived(tx, [id])],
    ['startRows', (tx) => startRows(tx, [{ ...worker, id }], STORED_AT)],
    ['settleRows', (tx) => settleRows(tx, [{ ...end, id, from: 'running', to: 'success' }])],
    ['renewRows', (tx) => renewRows(tx, [{ ...end, id, newId: 'new', readyAt: 1, extraTries: 0 }])],
    ['relaunchRows', (tx) => relaunchRows(tx, [{ id, readyAt: 1, cause: 'c', exit: null }])],
    ['scheduleRows', (tx) => scheduleRows(tx, [{ ...address, isAdmissible: true }], STORED_AT)],
    ['settleUnstartedRows', (tx) => settleUnstartedRows(tx, [{ ...address, to: 'skipped' }], STORED_AT)],
    ['addUpstreamCounts', (tx) => addUpstreamCounts(tx, [{ ...address, ...counts }])],
    ['touchHeartbeat', (tx) => touchHeartbeat(tx, { id, dispatchId: 'd', hostname: 'h', pid: 1, now: STORED_AT })],
    ['changeRunCounts', (tx) => changeRunCounts(tx, [{ runKey: 7, ...NO_CHANGE }])],
    ['moveRunsToRunning', (tx) => moveRunsToRunning(tx, [7], STORED_AT)],
    ['settleRuns', (tx) => settleRuns(tx, [{ runKey: 7, from: 'running', state: 'success' }], STORED_AT)],
    ['changeDagRunCounts', (tx) => changeDagRunCounts(tx, new Map([['dag', { running: 0, queued: 0 }]]))],
    ['setWindows', (tx) => setWindows(tx, [{ runKey: 7, places: 2 }])],
    ['findDueDags', (tx) => findDueDags(tx, STORED_AT, 10)],
    ['findStartableRuns', (tx) => findStartableRuns(tx, STORED_AT, 10)],
    ['findDueTaskInstances', (tx) => findDueTaskInstances(tx, STORED_AT, 10)],
    ['findNextMoment', findNextMoment],
    ['readDispatches', (tx) => readDispatches(tx, ['d'])],
    ['releaseDispatches', (tx) => releaseDispatches(tx, [{ dispatchId: 'd', executor: 'instant' }])],
    ['findOpenAttempts', (tx) => findOpenAttempts(tx, [{ dispatch_id: 'd', task_instance_id: id }])],
    ['nameExternally', (tx) => nameExternally(tx, [{ dispatchId: 'd', externalId: 'e' }])],
    ['findOrphanedExecutors', (tx) => findOrphanedExecutors(tx, STORED_AT)],
    ['findOrphans', (tx) => findOrphans(tx, 'instant', STORED_AT, 10)],
    ['findSilent', (tx) => findSilent(tx, STORED_AT, 10)],
    [
      'findStuck',
      (tx) => findStuck(tx, { since: STORED_AT, schedulerId: 's', now: STORED_AT }, { after: '', limit: 10 }),
    ],
    ['ageWaiting', (tx) => ageWaiting(tx, STORED_AT, 1000, 10)],
  ]

  it.each(hot)('%s scans no large table', async (_name, run) => {
    const plans = await world.database.transaction(async (tx) => {
      const { explaining, plans: found } = explain(tx, engine)
      await run(explaining)
      return found
    })
    expect(plans.flatMap((plan) => plan.scans)).toEqual([])
    expect(plans.length).toBeGreaterThan(0)
  })
})

const NO_CHANGE = { unfinished: 0, active: 0, waiting: 0, failedLeaves: 0, isHeld: false }

/** Many runs with undecided, waiting, admissible and tried tasks. */
async function fill(tx: Tx): Promise<void> {
  await storeDag(tx, 'dag')
  for (let run = 1; run <= RUNS; run += 1) {
    const runKey = await storeRun(tx, 'dag', `run ${run}`, TASKS)
    const indexes = Array.from({ length: 10 }, (_, index) => index)
    await scheduleRows(
      tx,
      indexes.map((taskIndex) => ({ runKey, taskIndex, mapIndex: -1, isAdmissible: taskIndex < 2 })),
      STORED_AT,
    )
    const tried = { endedAt: STORED_AT, cause: null, exit: null, error: null, readyAt: STORED_AT, extraTries: 0 }
    await renewRows(
      tx,
      indexes.map((index) => ({ ...tried, id: `run ${run}/${50 + index}`, newId: `run ${run}/${50 + index} again` })),
    )
  }
}

async function claimOne(tx: Tx): Promise<void> {
  const rows = await readCandidates(tx, STORED_LANE, 1)
  await claimCandidates(
    tx,
    rows.map((row) => ({ row, dispatchId: 'd', executor: 'instant' })),
    { schedulerId: 's', now: STORED_AT },
  )
}

interface Plan {
  /** What is read from end to end, of the large tables. */
  readonly scans: readonly string[]
}

/** A transaction that explains each statement before it runs it. */
function explain(tx: Tx, engine: TestEngine): { explaining: Tx; plans: Plan[] } {
  const plans: Plan[] = []
  const all = async <R>(text: Statement, parameters: readonly unknown[] = []): Promise<R[]> => {
    const prefix = engine.name === 'sqlite' ? 'explain query plan' : 'explain (format json)'
    const question = statement((fragments) => `${prefix} ${text.textFor(fragments)}`)
    const rows = await tx.all<Record<string, unknown>>(question, parameters)
    plans.push(engine.name === 'sqlite' ? sqlitePlan(rows) : postgresPlan(rows))
    return tx.all<R>(text, parameters)
  }
  const windowOf = engine.name === 'sqlite' ? sqliteWindowOf : postgresWindowOf
  return { plans, explaining: { ...tx, all, windowOf: (windows) => windowOf(all, windows) } }
}

function sqlitePlan(rows: ReadonlyArray<Record<string, unknown>>): Plan {
  const details = rows.map((row) => String(row['detail']))
  // A partial index that is read whole holds only live rows: as large as the answer.
  const scans = details.filter((detail) => {
    const [, name = ''] = /^SCAN (\w+)/.exec(detail) ?? []
    return TABLES_BY_ALIAS.get(name) === undefined ? LARGE.includes(name) && !isPartial(detail) : !isPartial(detail)
  })
  return { scans: scans.map((scan) => `${scan} in: ${details.join(' | ')}`) }
}

const TABLES_BY_ALIAS = new Map([
  ['ti', 'task_instance'],
  ['r', 'dag_run'],
])

const PARTIAL = ['task_instance_admissible', 'task_instance_ready']

function isPartial(detail: string): boolean {
  return PARTIAL.some((name) => new RegExp(`USING (COVERING )?INDEX ${name}\\b`).test(detail))
}

function postgresPlan(rows: ReadonlyArray<Record<string, unknown>>): Plan {
  const text = JSON.stringify(rows)
  const nodes: Array<Record<string, unknown>> = []
  // Without a condition on its index, an index scan is a scan of the table by another name.
  JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'Node Type' in value) nodes.push({ ...value })
    return value
  })
  const scans = nodes.filter((node) => {
    const isIndexed = node['Index Cond'] !== undefined || PARTIAL.includes(String(node['Index Name']))
    return LARGE.includes(String(node['Relation Name'])) && node['Node Type'] !== 'ModifyTable' && !isIndexed
  })
  const ofBitmaps = (node: Record<string, unknown>): boolean => node['Node Type'] === 'Bitmap Heap Scan'
  return { scans: scans.filter((node) => !ofBitmaps(node)).map((node) => `${JSON.stringify(node)} in: ${text}`) }
}
