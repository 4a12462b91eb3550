import type { DagSpec } from '@fairlead/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { TEST_ENGINES } from '../../../../testkit/test-databases.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDagGraphs } from '../db/queries/dag-graphs.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { takeLease } from '../db/queries/schedulers.ts'
import { statement } from '../db/statement.ts'
import { systemEnvironment } from '../processes/system-environment.ts'
import { createPool } from './change-pools.ts'
import { claimTaskInstances, type ExecutorOffer } from './claim-task-instances.ts'
import { createDagRun } from './create-dag-run.ts'
import type { MoveContext } from './move-context.ts'
import { registerDagFile } from './register-dag-file.ts'
import { startDagRuns } from './start-dag-runs.ts'

const { postgres } = TEST_ENGINES
const SCHEDULERS = ['one', 'two'] as const
const RUNS = 4
const TASKS = 6

const waitingForALock = statement(() => `select pid from pg_locks where not granted`)

// The first scheduler has read what is in use and is held up before it adds to it: its runs are locked. Then something
// more urgent comes, which the second one would take by what it reads itself.
describe.skipIf(!postgres.isProvided)(`two schedulers that meet ${postgres.title}`, () => {
  let contexts: readonly MoveContext[] = []
  let close: () => Promise<void> = async () => undefined

  beforeEach(async () => {
    const { url, drop } = await postgres.createDatabase()
    const databases = SCHEDULERS.map(() => openDatabase({ url, pid: process.pid }))
    const [first] = databases
    if (first !== undefined) await migrate(first)
    contexts = databases.map(contextOf)
    for (const [index, { database, environment }] of contexts.entries()) {
      const lease = { hostname: 'here', pid: index, now: environment.clock.now(), leaseMs: 600_000 }
      await database.transaction((tx) => takeLease(tx, { id: SCHEDULERS[index] ?? '', ...lease }))
    }
    close = async () => {
      for (const database of databases) await database.close()
      await drop()
    }
  })
  afterEach(() => close())

  const scheduler = (index: 0 | 1): MoveContext => contexts[index] ?? fail()
  const claim = (offers: ReadonlyMap<string, ExecutorOffer>) => async (index: 0 | 1) => {
    const answer = await claimTaskInstances(scheduler(index), { id: SCHEDULERS[index] }, offers)
    return answer.kind === 'claimed' ? answer.tasks.length : 0
  }
  const offer = (parallelism: number) => new Map([['local', { kind: 'open', parallelism } as const]])

  /** How much both took, the second one of something more urgent that has come in between. */
  async function meet(take: (index: 0 | 1) => Promise<number>, urgent: () => Promise<unknown>): Promise<number> {
    const [held, isHolding] = [gate(), gate()]
    const { database } = scheduler(1)
    const keys = await database.read.selectFrom('dag_run').select('run_key').execute()
    const holding = database.transaction(async (tx) => {
      await lockRuns(
        tx,
        keys.map((row) => row.run_key),
      )
      isHolding.open()
      await held.passed
    })
    await isHolding.passed
    const one = take(0)
    await eventually(async () => (await waiting(database)) > 0)
    await urgent()
    let isDone = false
    const two = take(1).finally(() => {
      isDone = true
    })
    await eventually(async () => isDone || (await waiting(database)) > 1)
    held.open()
    await holding
    return (await one) + (await two)
  }

  async function open(spec: DagSpec, runs: number): Promise<void> {
    await registerDagFile(scheduler(0), {
      bundleName: 'dags',
      file: `${spec.dagId}.ts`,
      hash: spec.dagId,
      dags: [spec],
      defaults: { pauseNew: false, maxActiveRuns: RUNS, maxActiveTasks: TASKS },
    })
    for (let run = 0; run < runs; run += 1) await trigger(spec.dagId, null)
  }
  const trigger = (dagId: string, runAfter: number | null) =>
    createDagRun(scheduler(0), { dagId, runId: null, runType: 'manual', triggeredBy: 'test', ...NOTHING, runAfter })
  const startAll = async (): Promise<void> => {
    while ((await startDagRuns(scheduler(0))) > 0);
  }

  const tasks = (given: Parameters<typeof taskSpec>[1]) =>
    Array.from({ length: TASKS }, (_, index) => taskSpec(`t${index}`, given))
  const urgentDag = async (given: Parameters<typeof taskSpec>[1]): Promise<void> => {
    await open(dagSpec('urgent', tasks({ ...given, priorityWeight: 1_000 })), 1)
    await startAll()
  }

  it('never overfill a pool', async () => {
    await createPool(scheduler(0), { name: 'p', slots: 7, description: null, includeDeferred: false, actor: 'test' })
    const inPool = { pool: 'p', poolSlots: 2 }
    await open(dagSpec('dag', tasks(inPool)), RUNS)
    await startAll()
    expect(await meet(claim(offer(100)), () => urgentDag(inPool))).toBe(3)
  })

  it('never take more of an executor than it has', async () => {
    await open(dagSpec('dag', tasks({})), RUNS)
    await startAll()
    expect(await meet(claim(offer(5)), () => urgentDag({}))).toBe(5)
  })

  it('never have more of a task active than it may have', async () => {
    const one = dagSpec('dag', [taskSpec('t0', { maxActiveTisPerDag: 2 })], { maxActiveRuns: RUNS })
    await open(one, 2)
    await startAll()
    const more = async (): Promise<void> => {
      for (const day of [1, 2]) await trigger('dag', Date.UTC(2020, 0, day))
      await startAll()
    }
    expect(await meet(claim(offer(100)), more)).toBe(2)
  })

  it('never start more runs of a Dag than it may have', async () => {
    await open(dagSpec('dag', tasks({}), { maxActiveRuns: 1 }), 1)
    const start = (index: 0 | 1) => startDagRuns(scheduler(index))
    expect(await meet(start, () => trigger('dag', Date.UTC(2020, 0, 1)))).toBe(1)
  })
})

function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}

async function waiting(database: Database): Promise<number> {
  return (await database.transaction((tx) => tx.all(waitingForALock))).length
}

const NOTHING = { logicalDate: null, dataInterval: null, conf: null, note: null } as const

function contextOf(database: Database): MoveContext {
  return {
    database,
    environment: systemEnvironment(),
    graphs: openDagGraphs(),
    defaultExecutor: 'local',
    launchBudget: 3,
    wake: () => undefined,
  }
}

function fail(): never {
  throw new Error('There is no scheduler.')
}
