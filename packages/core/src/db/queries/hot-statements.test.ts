import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  openStoredWorld,
  storeDag,
  storeRun,
  STORED_AT,
  STORED_LANE,
  type StoredWorld,
} from '../../../../../testkit/stored-runs.ts'
import { describeOnEngines } from '../../../../../testkit/test-databases.ts'
import type { Tx } from '../database.ts'
import { appendAudit } from './audit.ts'
import { readActiveTis, readUsedSlots, readWaitingLanes } from './capacity-reads.ts'
import { ageWaiting, claimCandidates, readCandidates } from './claims.ts'
import {
  adoptDispatches,
  findOrphanedExecutors,
  findOrphans,
  findSilent,
  findStuck,
  nameExternally,
} from './dispatches.ts'
import { readDispatches, readDispatchesOf, releaseDispatches } from './dispatches.ts'
import { clearLaunchBackoff, findDueDags, findDueTaskInstances, findNextMoment, findStartableRuns } from './due.ts'
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
import { expireOtherLeases, releaseLease, renewLease, takeClaimTurn, takeLease } from './schedulers.ts'
import { changeDagRunCounts, changeRunCounts, settleRuns } from './update-runs.ts'
import { addUpstreamCounts } from './upstream-counts.ts'
import { setWindows } from './windows.ts'
import { deleteXCom, upsertXCom } from './xcom-writes.ts'

const LATER = STORED_AT + 60_000

describeOnEngines('statements', (engine) => {
  let world: StoredWorld
  let count = 0

  beforeAll(async () => {
    world = await openStoredWorld(engine)
  })
  afterAll(async () => {
    await world.close()
  })

  /** A run of five tasks in a Dag of its own, for one test. */
  async function inRun(
    work: (run: { tx: Tx; key: number; dagId: string; id(index: number): string }) => Promise<void>,
  ) {
    count += 1
    const name = `dag ${count}`
    await world.database.transaction(async (tx) => {
      await storeDag(tx, name)
      const key = await storeRun(tx, name, `run of ${name}`, 5)
      await work({ tx, key, dagId: name, id: (index) => `run of ${name}/${index}` })
    })
  }

  const address = (runKey: number, taskIndex: number) => ({ runKey, taskIndex, mapIndex: -1 })
  const schedule = (tx: Tx, runKey: number, indexes: readonly number[], isAdmissible = true) =>
    scheduleRows(
      tx,
      indexes.map((index) => ({ ...address(runKey, index), isAdmissible })),
      STORED_AT,
    )
  const states = async (tx: Tx, ids: readonly string[]) => {
    const rows = await readTaskInstances(tx, ids)
    return Object.fromEntries(rows.map((row) => [row.task_id, row.state]))
  }

  /** Queues tasks under the dispatch ids `d<id>`. */
  async function queue(tx: Tx, runKey: number, indexes: readonly number[]): Promise<ReadonlySet<string>> {
    await schedule(tx, runKey, indexes)
    const rows = (await readCandidates(tx, STORED_LANE, 1000)).filter((row) => row.run_key === runKey)
    const claims = rows.map((row) => ({ row, dispatchId: `d${row.id}`, executor: 'instant' }))
    return claimCandidates(tx, claims, { schedulerId: `scheduler of ${runKey}`, now: STORED_AT })
  }

  const START = { hostname: 'h', unixname: 'u', pid: 7, nonce: 'n', startedAt: STORED_AT }
  const END = { endedAt: LATER, cause: null, exit: '{"kind":"exited","exitCode":0}', error: null }

  it('schedules rows once, and counts the try', () =>
    inRun(async ({ tx, key }) => {
      const scheduled = await schedule(tx, key, [0, 1])
      expect(
        scheduled.map((row) => `${row.run_key} ${row.task_id} ${row.map_index} ${row.try_number}`).toSorted(),
      ).toEqual([`${key} t0 -1 1`, `${key} t1 -1 1`])
      expect(await schedule(tx, key, [0])).toEqual([])
    }))

  it('reads candidates in admission order, with numbers as numbers', () =>
    inRun(async ({ tx, key, id }) => {
      await schedule(tx, key, [2, 0, 1])
      const rows = (await readCandidates(tx, STORED_LANE, 1000)).filter((row) => row.run_key === key)
      expect(rows.map((row) => row.task_id)).toEqual(['t0', 't1', 't2'])
      expect(rows[0]).toEqual({
        id: id(0),
        run_key: key,
        task_index: 0,
        map_index: -1,
        task_id: 't0',
        lane: STORED_LANE,
        pool: 'default_pool',
        pool_slots: 1,
        queue: 'default',
        priority: 1,
        priority_weight: 1,
        order_date: STORED_AT,
        try_number: 1,
        launch_attempts: 0,
        scheduled_at: STORED_AT,
      })
    }))

  it('claims a candidate once, with a slot', () =>
    inRun(async ({ tx, key, id }) => {
      const before = (await readUsedSlots(tx)).executors.get('instant') ?? 0
      expect(await queue(tx, key, [0, 1])).toEqual(new Set([id(0), id(1)]))
      expect(await states(tx, [id(0), id(1), id(2)])).toEqual({ t0: 'queued', t1: 'queued', t2: 'none' })
      const { executors, pools } = await readUsedSlots(tx)
      expect(executors.get('instant')).toBe(before + 2)
      expect(pools.get('default_pool')).toEqual({ slots: 128, used: before + 2 })
    }))

  it('counts the slots of a pool by what each task takes, and a pool that is infinite or not there', () =>
    inRun(async ({ tx, key }) => {
      await tx.query
        .updateTable('task_instance')
        .set({ pool: 'wide', pool_slots: 3 })
        .where('run_key', '=', key)
        .execute()
      await queue(tx, key, [0, 1])
      expect((await readUsedSlots(tx)).pools.get('wide')).toBeUndefined()
      await tx.query
        .insertInto('pool')
        .values({ name: 'wide', slots: -1, description: null, include_deferred: 0 })
        .execute()
      expect((await readUsedSlots(tx)).pools.get('wide')).toEqual({ slots: Infinity, used: 6 })
    }))

  it('names each lane in which something admissible waits, once', () =>
    inRun(async ({ tx, key }) => {
      const table = tx.query.updateTable('task_instance').where('run_key', '=', key)
      await table.set({ lane: 'other' }).where('task_index', 'in', [1, 2]).execute()
      await table.set({ lane: 'shut' }).where('task_index', '=', 3).execute()
      await schedule(tx, key, [0, 1, 2])
      await schedule(tx, key, [3], false)
      const lanes = await readWaitingLanes(tx)
      expect(lanes.filter((lane) => lane === 'other')).toEqual(['other'])
      expect(lanes).not.toContain('shut')
    }))

  it('counts what is active of a task, over its runs and in each', () =>
    inRun(async ({ tx, key, dagId }) => {
      const other = await storeRun(tx, dagId, `second of ${dagId}`, 2)
      await queue(tx, key, [0])
      await queue(tx, other, [0, 1])
      const active = await readActiveTis(tx)
      expect(active.get(JSON.stringify([dagId, 't0']))).toBe(2)
      expect(active.get(`${key}/t0`)).toBe(1)
      expect(active.get(`${other}/t1`)).toBe(1)
    }))

  it('gives what waits the priority that it has earned', () =>
    inRun(async ({ tx, key, id }) => {
      await schedule(tx, key, [0])
      await ageWaiting(tx, STORED_AT + 25_000, 10_000, 1000)
      const aged = (await readCandidates(tx, STORED_LANE, 1000)).find((row) => row.id === id(0))
      expect(aged?.priority).toBe(3)
    }))

  it('makes exactly the first places of a run admissible', () =>
    inRun(async ({ tx, key }) => {
      await schedule(tx, key, [0, 1], false)
      await schedule(tx, key, [3, 4])
      await setWindows(tx, [{ runKey: key, places: 3 }])
      const rows = (await readCandidates(tx, STORED_LANE, 1000)).filter((row) => row.run_key === key)
      expect(rows.map((row) => row.task_id)).toEqual(['t0', 't1', 't3'])
      await setWindows(tx, [{ runKey: key, places: 0 }])
      expect((await readCandidates(tx, STORED_LANE, 1000)).filter((row) => row.run_key === key)).toEqual([])
    }))

  it('starts, hears from and settles what is queued', () =>
    inRun(async ({ tx, key, id }) => {
      await queue(tx, key, [0])
      await startRows(tx, [{ ...START, id: id(0) }], STORED_AT)
      const [row] = await readTaskInstances(tx, [id(0)])
      expect(row).toMatchObject({ state: 'running', hostname: 'h', pid: 7, nonce: 'n', dispatch_id: `d${id(0)}` })
      const beat = { id: id(0), dispatchId: `d${id(0)}`, hostname: 'h', pid: 7, now: LATER }
      expect(await touchHeartbeat(tx, beat)).toBe(true)
      expect(await touchHeartbeat(tx, { ...beat, pid: 8 })).toBe(false)
      await settleRows(tx, [{ ...END, id: id(0), from: 'running', to: 'success' }])
      expect(await states(tx, [id(0)])).toEqual({ t0: 'success' })
    }))

  it('keeps an ended try in the history when its row is tried again', () =>
    inRun(async ({ tx, key, id }) => {
      await queue(tx, key, [0])
      await startRows(tx, [{ ...START, id: id(0) }], STORED_AT)
      const newId = `${id(0)} again`
      await renewRows(tx, [{ ...END, cause: 'failed', id: id(0), newId, readyAt: LATER, extraTries: 0 }])
      expect(await findArchived(tx, [id(0), newId])).toEqual(new Set([id(0)]))
      const [row] = await readTaskInstances(tx, [newId])
      expect(row).toMatchObject({ state: 'up_for_retry', dispatch_id: null, pid: null, try_number: 1 })
      expect(await findNextMoment(tx)).toBe(LATER)
      const due = await findDueTaskInstances(tx, LATER, 10)
      expect(due).toEqual([{ id: newId, run_key: key, task_index: 0, map_index: -1, state: 'up_for_retry' }])
      await schedule(tx, key, [0])
      expect(await findDueTaskInstances(tx, LATER, 10)).toEqual([])
    }))

  it('sends what was never started back to wait, at the cost of no try', () =>
    inRun(async ({ tx, key, id }) => {
      await queue(tx, key, [0])
      await relaunchRows(tx, [{ id: id(0), readyAt: LATER, cause: 'launch', exit: null }])
      const [row] = await readTaskInstances(tx, [id(0)])
      expect(row).toMatchObject({ state: 'scheduled', launch_attempts: 1, try_number: 1, dispatch_id: null })
      await clearLaunchBackoff(tx, [id(0)])
      expect(await findDueTaskInstances(tx, LATER, 10)).toEqual([])
    }))

  it('counts settled upstreams, and settles what will never run', () =>
    inRun(async ({ tx, key, id }) => {
      const none = { failed: 0, upstreamFailed: 0, skipped: 0, removed: 0, setupSuccess: 0, setupSkipped: 0 }
      const change = { runKey: key, taskIndex: 1, ...none, success: 2 }
      await addUpstreamCounts(tx, [change])
      const [row] = await addUpstreamCounts(tx, [{ ...change, success: 1, failed: 1 }])
      expect(row).toMatchObject({ run_key: key, task_index: 1, up_success: 3, up_failed: 1, up_skipped: 0 })
      await settleUnstartedRows(tx, [{ ...address(key, 1), to: 'upstream_failed' }], LATER)
      expect(await states(tx, [id(1)])).toEqual({ t1: 'upstream_failed' })
      expect(await addUpstreamCounts(tx, [change])).toEqual([])
    }))

  it('locks runs by key and by task instance, in one order', () =>
    inRun(async ({ tx, key, dagId, id }) => {
      const other = await storeRun(tx, dagId, `another of ${dagId}`, 1)
      const locked = await lockRuns(tx, [other, key])
      expect(locked.map((run) => run.run_key)).toEqual([key, other])
      expect(locked[0]).toMatchObject({ dag_id: dagId, state: 'running', unfinished: 5, is_paused: 0, is_windowed: 0 })
      expect(await lockRunsOfTaskInstances(tx, [id(3), id(0), 'unknown'])).toEqual([locked[0]])
    }))

  it('keeps the counts of runs and Dags, and ends a run once', () =>
    inRun(async ({ tx, key, dagId }) => {
      const change = { runKey: key, unfinished: -1, active: 0, waiting: 17, failedLeaves: 0, isHeld: false }
      const [changed] = await changeRunCounts(tx, [change])
      expect(changed).toMatchObject({ run_key: key, unfinished: 4, waiting: 17, is_windowed: 1, max_active_tasks: 16 })
      await changeDagRunCounts(tx, new Map([[dagId, { running: 1, queued: 2 }]]))
      expect(await settleRuns(tx, [{ runKey: key, from: 'running', state: 'failed' }], LATER)).toEqual([
        { run_key: key },
      ])
      expect(await settleRuns(tx, [{ runKey: key, from: 'running', state: 'success' }], LATER)).toEqual([])
    }))

  it('finds what time has made due', () =>
    inRun(async ({ tx, key, dagId }) => {
      const next = { next_logical_date: 1, next_interval_start: 1, next_interval_end: 2, next_run_after: 5 }
      await tx.query.updateTable('dag').set(next).where('dag_id', '=', dagId).execute()
      expect((await findDueDags(tx, 5, 10)).map((dag) => [dag.dag_id, dag.next_run_after])).toEqual([[dagId, 5]])
      expect(await findNextMoment(tx)).toBe(5)
      expect(await findDueDags(tx, 4, 10)).toEqual([])
      await tx.query.updateTable('dag').set({ next_run_after: null }).where('dag_id', '=', dagId).execute()
      await tx.query.updateTable('dag_run').set({ state: 'queued' }).where('run_key', '=', key).execute()
      await changeDagRunCounts(tx, new Map([[dagId, { running: 0, queued: 1 }]]))
      expect(await findStartableRuns(tx, STORED_AT, 10)).toEqual([{ run_key: key, dag_id: dagId, places: 100_000 }])
      await changeDagRunCounts(tx, new Map([[dagId, { running: 0, queued: -1 }]]))
    }))

  it('reads, names, adopts and releases dispatches', () =>
    inRun(async ({ tx, key, id }) => {
      const schedulerId = `scheduler of ${key}`
      await takeLease(tx, { id: schedulerId, hostname: 'h', pid: 1, now: STORED_AT, leaseMs: 10 })
      await queue(tx, key, [0, 1])
      const ids = [`d${id(0)}`, `d${id(1)}`]
      await nameExternally(tx, [{ dispatchId: ids[0] ?? '', externalId: 'ext' }])
      const rows = await readDispatches(tx, ids)
      expect(rows.map((row) => [row.dispatch_id, row.external_id, row.is_current])).toEqual([
        [ids[0], 'ext', 1],
        [ids[1], null, 1],
      ])
      expect(rows[0]).toMatchObject({ run_key: key, created_at: STORED_AT, try_number: 1, state: 'queued' })
      expect(await readDispatchesOf(tx, schedulerId)).toEqual(rows)
      const stuck = async (schedulerOfMine: string, now: number, after = '') =>
        (await findStuck(tx, { since: STORED_AT, schedulerId: schedulerOfMine, now }, { after, limit: 10 })).filter(
          (row) => row.run_key === key,
        )
      expect(await stuck(schedulerId, STORED_AT)).toEqual(rows)
      expect(await stuck(schedulerId, STORED_AT, ids[0])).toEqual(rows.slice(1))
      expect(await stuck('another', STORED_AT)).toEqual([])
      expect(await stuck('another', STORED_AT + 10)).toEqual(rows)
      expect(await findOrphans(tx, 'instant', STORED_AT, 10)).toEqual([])
      expect(await findOrphanedExecutors(tx, STORED_AT)).not.toContain('instant')
      expect(await findOrphanedExecutors(tx, STORED_AT + 10)).toContain('instant')
      expect(await findOrphans(tx, 'instant', STORED_AT + 10, 10)).toEqual(rows)
      const adopted = await adoptDispatches(tx, ids, { schedulerId: 'heir', now: STORED_AT + 10 })
      expect(adopted).toEqual(new Set(ids))
      await startRows(tx, [{ ...START, id: id(0) }], STORED_AT)
      expect((await findSilent(tx, STORED_AT, 10)).map((row) => row.dispatch_id)).toEqual([ids[0]])
      const [first = '', second = ''] = ids
      await nameExternally(tx, [{ dispatchId: first, executor: 'another', externalId: 'wrong' }])
      expect((await readDispatches(tx, ids)).map((row) => row.external_id)).toEqual(['ext', null])
      const foreign = { dispatchId: first, executor: 'another' }
      expect(await releaseDispatches(tx, [foreign])).toEqual([])
      const own = [{ dispatchId: first, executor: 'instant' }, { dispatchId: second }]
      expect((await releaseDispatches(tx, own)).map((row) => row.task_instance_id).toSorted()).toEqual([id(0), id(1)])
      expect(await releaseDispatches(tx, own)).toEqual([])
    }))

  it('holds a lease until it ends, and gives a lost one back to nobody', () =>
    inRun(async ({ tx }) => {
      await takeLease(tx, { id: 'first', hostname: 'h', pid: 1, now: 1000, leaseMs: 100 })
      expect(await takeClaimTurn(tx, 'first', 1099)).toBe(true)
      expect(await renewLease(tx, 'first', 1050, 100)).toBe(true)
      expect(await takeClaimTurn(tx, 'first', 1149)).toBe(true)
      expect(await renewLease(tx, 'first', 1150, 100)).toBe(false)
      await takeLease(tx, { id: 'second', hostname: 'h', pid: 1, now: 1200, leaseMs: 100 })
      await expireOtherLeases(tx, 'third', 1210)
      expect(await takeClaimTurn(tx, 'second', 1210)).toBe(false)
      await releaseLease(tx, 'first', 1000)
    }))

  it('appends to the audit log what there is, and nulls for the rest', () =>
    inRun(async ({ tx, dagId }) => {
      const full = { dagId, runId: 'r', taskId: 't', mapIndex: -1, tryNumber: 1, dispatchId: 'd', from: 'a', to: 'b' }
      await appendAudit(
        tx,
        [
          { event: 'e1', actor: 'x', ...full, detail: { cause: '\u0000 "ü"' } },
          { event: 'e2', actor: 'x', dagId },
        ],
        LATER,
      )
      const rows = await tx.query
        .selectFrom('audit_log')
        .selectAll()
        .where('dag_id', '=', dagId)
        .orderBy('seq')
        .execute()
      const [first, second] = rows
      expect(first).toMatchObject({ at: LATER, event: 'e1', actor: 'x', dag_id: dagId, run_id: 'r', task_id: 't' })
      expect(first).toMatchObject({ map_index: -1, try_number: 1, dispatch_id: 'd', from_state: 'a', to_state: 'b' })
      expect(first?.detail).toBe(JSON.stringify({ cause: '\u0000 "ü"' }))
      expect(second).toMatchObject({ event: 'e2', run_id: null, map_index: null, try_number: null, detail: null })
    }))

  it('overwrites and removes XComs', () =>
    inRun(async ({ tx, key }) => {
      const at = { runKey: key, taskId: 't0', mapIndex: -1, key: 'return_value' }
      await upsertXCom(tx, at, '1', STORED_AT)
      await upsertXCom(tx, at, '"ü"', LATER)
      const rows = await tx.query
        .selectFrom('xcom')
        .select(['value', 'created_at'])
        .where('run_key', '=', key)
        .execute()
      expect(rows).toEqual([{ value: '"ü"', created_at: LATER }])
      await deleteXCom(tx, at)
      expect(await tx.query.selectFrom('xcom').selectAll().where('run_key', '=', key).execute()).toEqual([])
    }))
})
