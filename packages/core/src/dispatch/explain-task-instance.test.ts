import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWalkDatabase, RandomWalk } from '../../../../testkit/random-walk.ts'
import type { Database } from '../db/database.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { laneText, parseLane } from '../model/lane.ts'
import { RunLedger } from '../moves/run-ledger.ts'
import { setDagPaused } from '../moves/set-dag-paused.ts'
import { explainTaskInstance, type ExplainedRow } from './explain-task-instance.ts'
import type { Explanation } from './explanation.ts'

const WALKS = 150
const STEPS = 25

let database: Database
beforeAll(async () => {
  database = await openWalkDatabase()
})
afterAll(() => database.close())

const explain = (world: RandomWalk, row: ExplainedRow): Promise<Explanation> =>
  explainTaskInstance(world.context, world.offers, row)

describe(`in ${WALKS * STEPS} generated states`, { timeout: 300_000 }, () => {
  it('says ready for exactly those that the next claim takes', async () => {
    await inEachState(async (world, place) => {
      const ready = await readyIds(world)
      const claimed = await world.onlyTrying(() => world.claim())
      expect(claimed.toSorted(), place).toEqual(ready.toSorted())
    })
  })

  it('names a gate that is there: with it out of the way the task goes, or meets the next one', async () => {
    const seen = new Set<string>()
    await inEachState(async (world, place) => {
      const rows = (await world.rows()).filter((row) => row.state === 'scheduled' || row.state === 'none')
      if (rows.length === 0) return
      const row = world.stream.pick(rows)
      const before = await explain(world, row)
      if (before.gate === 'ready') return
      seen.add(before.gate)
      await world.onlyTrying(async () => {
        await remove(world, row, before)
        await world.settleDue()
        const after = await again(world, row)
        expect(after?.gate, `${place}, ${row.task_id} of ${row.id}: ${before.sentence}`).not.toBe(before.gate)
      })
    })
    expect([...seen].toSorted()).toEqual(Object.keys(REMOVE).toSorted())
  })
})

it('says ready for all that a claim of many leaves to the ones right after it', async () => {
  await RandomWalk.take(database, 1, async (world) => {
    await world.openWide('wide', 600)
    const ready = await readyIds(world)
    expect(ready).toHaveLength(600)
    const claimed = [...(await world.claim()), ...(await world.claim())]
    expect(claimed.toSorted()).toEqual(ready.toSorted())
  })
})

async function readyIds(world: RandomWalk): Promise<readonly string[]> {
  const ready: string[] = []
  for (const row of await world.rows()) if ((await explain(world, row)).gate === 'ready') ready.push(row.id)
  return ready
}

async function inEachState(check: (world: RandomWalk, place: string) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= WALKS; seed++) {
    await RandomWalk.take(database, seed, async (world) => {
      await world.settleDue()
      for (let step = 1; step <= STEPS; step++) {
        const what = await world.step()
        await check(world, `seed ${seed}, step ${step} (${what})`)
      }
    })
  }
}

/** Null when it has moved on. */
async function again(world: RandomWalk, row: ExplainedRow): Promise<Explanation | null> {
  const found = (await world.rows()).find((one) => one.run_key === row.run_key && one.task_index === row.task_index)
  return found === undefined ? null : explain(world, found)
}

type Remove = (world: RandomWalk, row: ExplainedRow, facts: Explanation['facts']) => Promise<unknown>

const PLENTY = { kind: 'open', parallelism: 10_000 } as const
const open: Remove = async (world, _row, { executor }) => world.offers.set(String(executor), PLENTY)
const widen: Remove = async (world, _row, { pool }) => world.changePool(String(pool), 'slots', 1_000)
const unlimit: Remove = async (world, row) => {
  const freed = laneText({ ...parseLane(row.lane), limits: null })
  return world.tx.query.updateTable('task_instance').set({ lane: freed }).where('id', '=', row.id).execute()
}

const REMOVE: Readonly<Record<string, Remove>> = {
  dag_paused: async (world, row) => {
    const { dag_id: dagId } = await runOf(world, row)
    return setDagPaused(world.context, { dagId, isPaused: false, actor: 'test' })
  },
  executor_full: open,
  executor_not_configured: open,
  executor_unhealthy: open,
  launch_backoff: async (world, _row, { until }) => (world.now = Date.parse(String(until))),
  max_active_runs: async (world, row) => {
    const { dag_id: dagId } = await runOf(world, row)
    return world.tx.query.updateTable('dag').set({ max_active_runs: 1_000 }).where('dag_id', '=', dagId).execute()
  },
  max_active_tis_per_dag: unlimit,
  max_active_tis_per_dagrun: unlimit,
  pool_full: widen,
  pool_missing: widen,
  pool_too_small: widen,
  max_active_tasks: async (world, row) => {
    const run = world.tx.query.updateTable('dag_run').where('run_key', '=', row.run_key)
    await run.set({ max_active_tasks: 1_000 }).execute()
    const ledger = new RunLedger(world.tx, world.context, await lockRuns(world.tx, [row.run_key]))
    ledger.run(row.run_key).mustRefit = true
    return ledger.close()
  },
  run_after: async (world, _row, { runAfter }) => (world.now = Date.parse(String(runAfter))),
  upstream: async (world, row, { waitingFor }) => drain(world, row, waitingFor as readonly string[]),
}

async function remove(world: RandomWalk, row: ExplainedRow, { gate, facts }: Explanation): Promise<void> {
  const how = REMOVE[gate]
  if (how === undefined) throw new Error(`Nobody expects ${row.task_id} to be held by "${gate}".`)
  await how(world, row, facts)
}

/** What it is said to wait for is there and not settled; when it settles, the task is no longer undecided. */
async function drain(world: RandomWalk, row: ExplainedRow, waitingFor: readonly string[]): Promise<void> {
  expect(waitingFor).not.toHaveLength(0)
  const rows = (await world.rows()).filter((one) => one.run_key === row.run_key && waitingFor.includes(one.task_id))
  expect(rows.map((one) => one.task_id).toSorted()).toEqual([...waitingFor].toSorted())
  for (const name of ['e0', 'e1', 'e2']) world.offers.set(name, PLENTY)
  for (const one of await world.rows()) await unlimit(world, one, {})
  for (const pool of ['default_pool', 'p1', 'p2', 'p3']) await world.changePool(pool, 'slots', 1_000)
  await REMOVE['dag_paused']?.(world, row, {})
  await REMOVE['max_active_tasks']?.(world, row, {})
  await world.finishRun(row.run_key)
}

function runOf(world: RandomWalk, row: ExplainedRow): Promise<{ dag_id: string }> {
  const run = world.tx.query.selectFrom('dag_run').select('dag_id').where('run_key', '=', row.run_key)
  return run.executeTakeFirstOrThrow()
}
