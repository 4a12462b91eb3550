import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { TEST_ENGINES } from '../../testkit/test-databases.ts'
import type { ThrowawayDatabase } from '../../testkit/throwaway-database.ts'

/** Servers on PostgreSQL, as users run them: alone, killed, two at once, and cut off from their database. */

const DAGS = {
  'journal.ts': `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

function note(what: string): void {
  const { conf, taskId } = getContext()
  appendFileSync(String(conf['journal']), what + ' ' + taskId + ' ' + process.env['FAIRLEAD_TEST_MARKER'] + '\\n')
}

const gated = new Dag('gated', { isPausedUponCreation: false })
const first = gated.task('first', async () => {
  note('begin')
  while (!existsSync(String(getContext().conf['go']))) await new Promise((resolve) => setTimeout(resolve, 20))
  note('end')
  return 'handed on'
})
gated.task('second', ({ value }: { value: string }) => note(value))({ value: first() })

const wide = new Dag('wide', { isPausedUponCreation: false, maxActiveTasks: 64 })
const step = wide.task('step', async () => {
  note('begin')
  await new Promise((resolve) => setTimeout(resolve, 50))
  note('end')
})
for (let index = 0; index < 150; index++) step.as('t' + index)()
`,
}

const TIMES = {
  FAIRLEAD__SCHEDULER__SCHEDULER_LEASE: '3',
  FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1',
  FAIRLEAD__SCHEDULER__IDLE_INTERVAL: '1',
  FAIRLEAD__LOGGING__FORMAT: 'json',
  // Servers with a home folder each are one installation.
  FAIRLEAD__API_AUTH__JWT_SECRET: 'the secret of all servers of this test',
}

const { postgres } = TEST_ENGINES

describe.skipIf(!postgres.isProvided)(`standalone ${postgres.title}`, () => {
  let database: ThrowawayDatabase
  let admin: pg.Client
  let servers: FairleadServer[]
  let journal: string

  beforeEach(async () => {
    database = await postgres.createDatabase()
    admin = new pg.Client({ connectionString: new URL('/postgres', database.url).toString() })
    await admin.connect()
    servers = []
    journal = join(newServer().folder, 'journal')
    writeFileSync(journal, '')
  })
  afterEach(async () => {
    for (const server of servers) await server.dispose()
    await admin.end()
    await database.drop()
  })

  function newServer(env: Readonly<Record<string, string>> = {}): FairleadServer {
    const server = new FairleadServer(DAGS, { ...TIMES, FAIRLEAD__DATABASE__URL: database.url, ...env })
    servers.push(server)
    return server
  }
  const onlyServer = (): FairleadServer => servers[0] as FairleadServer
  const go = (): string => join(onlyServer().folder, 'go')
  const lines = (): readonly string[] =>
    readFileSync(journal, 'utf8')
      .split('\n')
      .filter((line) => line !== '')

  async function rows<T extends object>(text: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      return (await client.query<T>(text)).rows
    } finally {
      await client.end()
    }
  }

  /** Ends every connection to the database, as its restart would. */
  async function cutOff(): Promise<number> {
    const name = new URL(database.url).pathname.slice(1)
    const { rowCount } = await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`,
      [name],
    )
    return rowCount ?? 0
  }

  async function setReachable(isReachable: boolean): Promise<void> {
    const name = new URL(database.url).pathname.slice(1)
    await admin.query(`alter database ${name} with allow_connections ${isReachable}`)
    if (!isReachable) await cutOff()
  }

  async function expectOneOutcomeEach(tasks: number, runs = 1): Promise<void> {
    const outcomes = await rows<{ run_id: string; task_id: string; count: string }>(
      `select run_id, task_id, count(*) as count from audit_log
       where event = 'task_instance.state' and to_state = 'success' group by run_id, task_id`,
    )
    expect(outcomes.filter((row) => Number(row.count) !== 1)).toEqual([])
    expect(outcomes).toHaveLength(tasks * runs)
    await eventually(async () => (await rows('select * from dispatch')).length === 0)
  }

  it('runs a Dag, and a server that is started after a kill -9 goes on with what ran', async () => {
    const server = onlyServer()
    await server.start()
    const runId = await server.trigger('gated', { journal, go: go() })
    await eventually(() => lines().length === 1)
    await server.kill('SIGKILL')
    await server.start()
    writeFileSync(go(), '')
    expect(await server.runEnd('gated', runId)).toBe('success')
    expect(lines().map((line) => line.replace(/ server.*/, ''))).toEqual([
      'begin first',
      'end first',
      'handed on second',
    ])
    await expectOneOutcomeEach(2)
    expect(existsSync(join(server.home, 'fairlead.db'))).toBe(false)
  })

  it('shares its work between two servers, and runs nothing twice', async () => {
    const one = onlyServer()
    const parallelism = { FAIRLEAD__CORE__PARALLELISM: '8' }
    const two = newServer({ FAIRLEAD__CORE__DAGS_FOLDER: join(one.folder, 'dags'), ...parallelism })
    await Promise.all([one.start(parallelism), two.start()])
    const begun = () => lines().filter((line) => line.startsWith('begin'))
    const workers = () => new Set(begun().map((line) => line.split(' ')[2]))
    // Whoever looks first takes what there is: one run may end before the other server has looked.
    let runs = 0
    await eventually(
      async () => {
        const runId = await one.trigger('wide', { journal })
        runs += 1
        expect(await two.runEnd('wide', runId)).toBe('success')
        return workers().has(one.marker) && workers().has(two.marker)
      },
      { timeoutMs: 90_000 },
    )
    expect(begun()).toHaveLength(runs * 150)
    await expectOneOutcomeEach(150, runs)
  })

  it('takes over what a server that died left queued or running, from another machine', async () => {
    const one = onlyServer()
    const two = newServer({ FAIRLEAD__CORE__DAGS_FOLDER: join(one.folder, 'dags') })
    await one.start()
    await two.start()
    const runId = await one.trigger('wide', { journal })
    await eventually(() => lines().some((line) => line.startsWith('end')))
    // The whole machine dies: server, worker host and tasks.
    one.killProcesses()
    await one.ended
    await eventually(async () => (await two.runEnd('wide', runId)) !== '')
    const states = await two.states('wide', runId)
    const ended = states.filter(({ state }) => state === 'success' || state === 'failed')
    expect(ended).toHaveLength(150)
    // What ran there is lost and has no retries; what was only queued there runs here.
    const failed = states.filter(({ state }) => state === 'failed').map(({ task_id }) => task_id)
    const running = await rows<{ task_id: string }>(`select distinct task_id from audit_log where to_state = 'running'`)
    expect(running.map(({ task_id }) => task_id)).toEqual(expect.arrayContaining(failed))
    const begun = lines()
      .filter((line) => line.startsWith('begin'))
      .map((line) => line.split(' ')[1])
    expect(new Set(begun).size).toBe(begun.length)
    await eventually(async () => (await rows('select * from dispatch')).length === 0)
  })

  it('survives that its connections are cut, and that its database is away for a while', async () => {
    const server = onlyServer()
    await server.start({ FAIRLEAD__CORE__PARALLELISM: '4' })
    const runId = await server.trigger('wide', { journal })
    for (const wanted of [20, 40, 60]) {
      await eventually(() => lines().length >= wanted)
      expect(await cutOff()).toBeGreaterThan(0)
    }
    await eventually(() => lines().length >= 100)
    await setReachable(false)
    await eventually(() => /DATABASE_UNAVAILABLE.*scheduler turn failed/.test(server.log))
    const answer = await server.run('dags', 'list')
    expect(answer.stderr).toContain('cannot be reached')
    await setReachable(true)
    expect(await server.runEnd('wide', runId, 90_000)).toBe('success')
    expect(lines().filter((line) => line.startsWith('begin'))).toHaveLength(150)
    await expectOneOutcomeEach(150)
    expect(server.hasEnded).toBe(false)
    expect(server.log).not.toContain('unhandled')
  })
})
