import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { ServerFolder } from './server-folder.ts'

const HELLO = `import { Dag } from 'fairlead'
const dag = new Dag('hello', { tags: ['demo'] })
const numbers = dag.task('fetch', async () => { console.log('fetching'); return { n: 3 } })()
dag.task('say', async ({ data }: { data: { n: number } }) => { console.log('hello', data.n); return data.n * 2 })({ data: numbers })
`
const FAILING = `import { Dag } from 'fairlead'
const dag = new Dag('failing', {})
const first = dag.task('breaks', async () => { throw new Error('no such city') })()
dag.task('after', async ({ x }: { x: unknown }) => x)({ x: first })
`
const SLOW = `import { Dag } from 'fairlead'
import { setTimeout as sleep } from 'node:timers/promises'
const dag = new Dag('slow', {})
dag.task('counts', async () => { for (let i = 0; i < 10; i++) { console.log('line', i); await sleep(50) } })()
`
const BROKEN = `import { Dag } from 'fairlead'
new Dag('broken', {})
throw new Error('thrown at import')
`

const folder = new ServerFolder()
beforeAll(async () => {
  folder.write('dags/hello.ts', HELLO)
  folder.write('dags/failing.ts', FAILING)
  folder.write('dags/slow.ts', SLOW)
  folder.write('dags/broken.ts', BROKEN)
  await folder.start()
}, 60_000)
afterAll(() => folder.remove(), 60_000)

interface Run {
  readonly dag_run_id: string
  readonly state: string
  readonly triggered_by: string
  readonly triggering_user_name: string
}

const triggered = (dagId: string) => folder.json<Run>('dags', 'trigger', dagId)
const watch = async (dagId: string, run: Run) => folder.run(['runs', 'watch', dagId, run.dag_run_id])

describe('help', () => {
  it.each([
    [[]],
    [['standalone']],
    ...['list', 'show', 'test', 'trigger', 'pause', 'unpause', 'list-runs', 'list-import-errors'].map((name) => [
      ['dags', name],
    ]),
    ...['list', 'states-for-dag-run', 'logs', 'explain', 'test'].map((name) => [['tasks', name]]),
    [['runs', 'watch']],
    ...['list', 'get-value'].map((name) => [['config', name]]),
    ...['migrate', 'check'].map((name) => [['db', name]]),
    [['version']],
  ])('of %j has examples or exit codes and ends well', async (args) => {
    const { exitCode, stdout } = await folder.run([...args, '--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/Usage: fairlead/)
    expect(stdout).toMatch(/Examples:|Exit codes:/)
  })
})

describe('exit codes', () => {
  it.each([
    [['dags', 'show', 'absent'], 3, /There is no Dag "absent"/],
    [['tasks', 'logs', 'hello', 'absent', 'say'], 3, /"absent"/],
    [['dags', 'trigger', 'hello', '--conf', '[1]'], 2, /must be a JSON object/],
    [['dags', 'trigger', 'hello', '--conf', '{'], 2, /must be a JSON object/],
    [['tasks', 'state', 'hello', 'first', 'say', '--map-index', 'one'], 2, /The map index "one" is no whole number/],
    [['tasks', 'run', 'hello', 'first', 'say', '--map-index', '1.5'], 2, /The map index "1\.5" is no whole number/],
    [['tasks', 'run', 'hello', 'first', 'say', '--map-index', ''], 2, /The map index "" is no whole number/],
    [['dags', 'list', '--output', 'xml'], 2, /Allowed choices are table, json, yaml/],
    [['dags', 'lst'], 2, /unknown command/],
    [['config', 'get-value', 'core', 'dag_folder'], 3, /Did you mean "dags_folder"/],
    [['db', 'check'], 5, /is open in process \d+/],
    [['standalone'], 5, /is open in process \d+/],
  ])('%j ends with %i and says why', async (args, exitCode, message) => {
    const finished = await folder.run(args)
    expect(finished.stderr).toMatch(message)
    expect(finished.exitCode).toBe(exitCode)
  })

  it('a server that does not run is 4, and how to start one is said', async () => {
    const home = join(folder.path, 'elsewhere')
    const finished = await folder.run(['dags', 'list'], { FAIRLEAD_HOME: home })
    expect(finished.exitCode).toBe(4)
    expect(finished.stderr).toMatch(/Start one with `fairlead standalone`/)
  })

  it('a server elsewhere that does not answer is 4', async () => {
    const finished = await folder.run(['dags', 'list', '--api-url', 'http://127.0.0.1:9'], { FAIRLEAD_API_TOKEN: 'x' })
    expect(finished.exitCode).toBe(4)
  })

  it('a setting that is wrong is 1 and names its variable', async () => {
    const finished = await folder.run(['config', 'list'], { FAIRLEAD__API__PORT: 'many' })
    expect(finished.exitCode).toBe(1)
    expect(finished.stderr).toMatch(/FAIRLEAD__API__PORT must be integer/)
  })
})

describe('Dags', () => {
  it('are listed as a table, JSON and YAML', async () => {
    expect((await folder.run(['dags', 'list'])).stdout).toMatch(/^dag_id +file +paused/)
    expect((await folder.json<{ dag_id: string }[]>('dags', 'list')).map(({ dag_id }) => dag_id)).toEqual([
      'failing',
      'hello',
      'slow',
    ])
    expect((await folder.run(['dags', 'list', '-o', 'yaml'])).stdout).toMatch(/^- dag_id: failing$/m)
  })

  it('that do not load are listed with their place', async () => {
    expect((await folder.run(['dags', 'list-import-errors'])).stdout).toMatch(/broken\.ts:3\S* +.*thrown at import/)
  })

  it('are shown as text and for Graphviz', async () => {
    expect((await folder.run(['dags', 'show', 'hello'])).stdout).toBe('hello (2 tasks)\n  fetch  →  say\n    say\n')
    expect((await folder.run(['dags', 'show', 'hello', '--dot'])).stdout).toContain('"fetch" -> "say";')
  })

  it('are paused and unpaused', async () => {
    expect(await folder.json('dags', 'pause', 'slow')).toEqual({ dag_id: 'slow', is_paused: true })
    const { stderr } = await folder.run(['dags', 'trigger', 'slow', '--run-id', 'waits'])
    expect(stderr).toMatch(/is paused, so the run waits/)
    expect(await folder.json<{ gate: string }>('tasks', 'explain', 'slow', 'waits', 'counts')).toMatchObject({
      gate: 'dag_paused',
    })
    expect(await folder.json('dags', 'unpause', 'slow')).toEqual({ dag_id: 'slow', is_paused: false })
    expect((await folder.run(['runs', 'watch', 'slow', 'waits'])).exitCode).toBe(0)
  })

  it('that are edited are picked up', async () => {
    folder.write('dags/later.ts', HELLO.replaceAll('hello', 'later'))
    await eventually(async () =>
      (await folder.json<{ dag_id: string }[]>('dags', 'list')).some(({ dag_id }) => dag_id === 'later'),
    )
  })
})

describe('runs', () => {
  it('are watched to their end, and tell who started them', async () => {
    const run = await triggered('hello')
    expect(run).toMatchObject({ triggered_by: 'cli', triggering_user_name: 'tester' })
    const { exitCode, stdout } = await watch('hello', run)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/say +success +\d+\.\d\ds LocalExecutor/)
    expect(stdout).toMatch(/run \S+ success/)
    const runs = await folder.json<Run[]>('dags', 'list-runs', 'hello')
    expect(runs.find(({ dag_run_id }) => dag_run_id === run.dag_run_id)?.state).toBe('success')
  })

  it('that fail end with 1 and say why', async () => {
    const run = await triggered('failing')
    const { exitCode, stdout } = await watch('failing', run)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/breaks +failed.*no such city/)
    const states = await folder.json<{ task_id: string; state: string }[]>(
      'tasks',
      'states-for-dag-run',
      'failing',
      run.dag_run_id,
    )
    expect(states.map(({ task_id, state }) => [task_id, state])).toEqual([
      ['breaks', 'failed'],
      ['after', 'upstream_failed'],
    ])
    const { stdout: why } = await folder.run(['tasks', 'explain', 'failing', run.dag_run_id, 'breaks'])
    expect(why).toMatch(/Settled as failed, because: user error/)
  })
})

describe('a run whose code was mended', () => {
  it('fails again in its own version, and succeeds when it is cleared on the latest one', async () => {
    folder.write('dags/mended.ts', FAILING.replace("'failing'", "'mended'"))
    await eventually(async () => (await folder.run(['dags', 'show', 'mended'])).exitCode === 0, { timeoutMs: 30_000 })
    const run = await triggered('mended')
    expect((await watch('mended', run)).exitCode).toBe(1)
    const mended = FAILING.replace("'failing'", "'mended'").replace("throw new Error('no such city')", 'return 7')
    folder.write('dags/mended.ts', `${mended}dag.task('more', async () => 8)()\n`)
    await eventually(async () => (await folder.run(['dags', 'show', 'mended'])).stdout.includes('more'), {
      timeoutMs: 30_000,
    })
    await folder.run(['runs', 'clear', 'mended', run.dag_run_id, '--only-failed'])
    expect((await watch('mended', run)).exitCode).toBe(1)
    const clear = ['runs', 'clear', 'mended', run.dag_run_id, '--only-failed', '--run-on-latest-version']
    expect((await folder.run(clear)).exitCode).toBe(0)
    expect((await watch('mended', run)).exitCode).toBe(0)
    const rows = await folder.json<{ task_id: string; state: string; try_number: number }[]>(
      'tasks',
      'states-for-dag-run',
      'mended',
      run.dag_run_id,
    )
    expect(new Map(rows.map((row) => [row.task_id, `${row.state} ${row.try_number}`]))).toEqual(
      new Map([
        ['breaks', 'success 3'],
        ['after', 'success 1'],
        ['more', 'success 1'],
      ]),
    )
  })
})

describe('tasks', () => {
  it('are listed', async () => {
    expect((await folder.run(['tasks', 'list', 'hello'])).stdout).toMatch(/fetch +Task +all_success +0 +say/)
  })

  it('are named by their map index, -1 for one that is not mapped', async () => {
    const run = await triggered('hello')
    await watch('hello', run)
    const named = ['hello', run.dag_run_id, 'say', '--map-index'] as const
    expect(await folder.json('tasks', 'state', ...named, '-1')).toMatchObject({ map_index: -1, state: 'success' })
    const again = await folder.json('tasks', 'run', ...named, '-1', '--wait')
    expect(again).toMatchObject({ task_id: 'say', map_index: -1, state: 'success', try: 2 })
    for (const command of ['state', 'run']) {
      const { exitCode, stderr } = await folder.run(['tasks', command, ...named, '7'])
      expect([command, exitCode]).toEqual([command, 3])
      expect(stderr).toMatch(/"say at map index 7"/)
    }
    expect(await folder.json('tasks', 'state', ...named, '-1')).toMatchObject({ try: 2 })
  })

  it('have logs', async () => {
    const run = await triggered('hello')
    await watch('hello', run)
    expect((await folder.run(['tasks', 'logs', 'hello', run.dag_run_id, 'say'])).stdout).toContain('hello 3')
  })

  it('have logs that are followed while they run', async () => {
    const run = await triggered('slow')
    await eventually(
      async () =>
        (await folder.json<{ try_number: number }[]>('tasks', 'states-for-dag-run', 'slow', run.dag_run_id))[0]
          ?.try_number === 1,
    )
    const { stdout, exitCode } = await folder.run(['tasks', 'logs', 'slow', run.dag_run_id, 'counts', '--follow'])
    expect(exitCode).toBe(0)
    expect(stdout.match(/line \d/g)).toHaveLength(10)
    expect(stdout).toMatch(/task ended/)
  })
})

describe('configuration', () => {
  it('is listed with where it came from', async () => {
    const { stdout } = await folder.run(['config', 'list', '--section', 'core', '--show-origin'], {
      FAIRLEAD__CORE__PARALLELISM: '7',
    })
    expect(stdout).toMatch(/core +parallelism +7 +environment FAIRLEAD__CORE__PARALLELISM/)
  })

  it('comes from a typed file', async () => {
    const other = new ServerFolder()
    other.write(
      'fairlead.config.ts',
      `import { defineConfig } from 'fairlead'\nconst parallelism: number = 5\nexport default defineConfig({ core: { parallelism } })\n`,
    )
    expect((await other.run(['config', 'get-value', 'core', 'parallelism'])).stdout).toBe('5\n')
    other.write('fairlead.config.ts', `export default { core: { paralelism: 5 } }\n`)
    expect((await other.run(['config', 'get-value', 'core', 'parallelism'])).stderr).toMatch(
      /Did you mean "parallelism"/,
    )
    await other.remove()
  })
})

describe('the database', () => {
  it('is migrated and checked without a server', async () => {
    const other = new ServerFolder()
    expect(await other.json('db', 'migrate')).toMatchObject({ from: 0 })
    expect(await other.json('db', 'check')).toMatchObject({ status: 'ok' })
    await other.remove()
  })
})

describe('a server', () => {
  it('goes on when whoever read its output has gone', async () => {
    const other = new ServerFolder()
    const env = { FAIRLEAD__LOGGING__LEVEL: 'debug' }
    const server = await other.start(env)
    server.process.stdout?.destroy()
    server.process.stderr?.destroy()
    other.write('dags/hello.ts', HELLO)
    await eventually(async () => (await other.run(['dags', 'show', 'hello'])).exitCode === 0, { timeoutMs: 20_000 })
    expect(server.process.exitCode).toBeNull()
    server.process.kill('SIGTERM')
    await eventually(() => server.process.exitCode !== null)
    await other.remove()
  })

  it('stops on SIGTERM with 0 and leaves no file that names it', async () => {
    const other = new ServerFolder()
    const server = await other.start()
    const file = join(other.path, '.fairlead/server.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: server.process.pid })
    server.process.kill('SIGTERM')
    const { exitCode, stdout } = await server.finished
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/runs at http:\/\/127\.0\.0\.1:\d+/)
    expect((await other.run(['dags', 'list'])).exitCode).toBe(4)
    await other.remove()
  })

  it('never prints a token or the password', async () => {
    const other = new ServerFolder()
    const server = await other.start({ FAIRLEAD__LOGGING__LEVEL: 'debug' })
    const password = readFileSync(join(other.path, '.fairlead/keys/admin-password'), 'utf8').trim()
    await other.run(['dags', 'list'])
    server.process.kill('SIGTERM')
    const { stdout, stderr } = await server.finished
    expect(stdout + stderr).not.toContain(password)
    expect(stdout + stderr).not.toMatch(/eyJ[\w-]+\./)
    await other.remove()
  })

  it('whose executor is unknown does not start, and names the nearest', async () => {
    const other = new ServerFolder()
    const finished = await other.run(['standalone', '--port', '0'], { FAIRLEAD__CORE__EXECUTOR: 'LocalExcutor' })
    expect(finished.exitCode).toBe(1)
    expect(finished.stderr).toMatch(/Did you mean "LocalExecutor"/)
    await other.remove()
  })
})
