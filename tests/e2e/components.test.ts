import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { freePort } from '../../testkit/free-port.ts'
import { TestInstallation } from '../../testkit/installation.ts'
import { RestClient } from '../../testkit/rest-client.ts'
import { TEST_ENGINES } from '../../testkit/test-databases.ts'
import { runOnDatabase, type ThrowawayDatabase } from '../../testkit/throwaway-database.ts'

/** The parts of a server as processes of their own, as an operator runs them. */

const DAGS = {
  'pair.ts': `import { Dag } from 'fairlead'
const dag = new Dag('pair', { isPausedUponCreation: false })
const first = dag.task('first', () => 'handed on')()
dag.task('second', ({ value }: { value: string }) => console.log(value))({ value: first })
`,
}
const COMPONENTS = ['api-server', 'scheduler', 'dag-processor'] as const
const PROVIDED = `export default {
  executors: { tasks: { executor: 'LocalExecutor', settings: { workerHost: 'provided' } } },
}
`
const { postgres } = TEST_ENGINES
const END_LISTENERS = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'fairlead listener'`

describe('components of their own', () => {
  let installation: TestInstallation
  afterEach(() => installation.dispose())

  it('are refused on an embedded database, with what to do instead', async () => {
    installation = await TestInstallation.open(DAGS, {})
    for (const component of COMPONENTS) {
      const { exitCode, output } = await installation.run([component])
      expect(exitCode).toBe(1)
      expect(output).toContain(`\`fairlead ${component}\` is one of several processes`)
      expect(output).toContain('FAIRLEAD__DATABASE__URL')
      expect(output).toContain('fairlead standalone')
    }
  })
})

describe('a worker host of its own', () => {
  let installation: TestInstallation
  afterEach(() => installation.dispose())

  it('runs the tasks of servers that come and go, and one at a time has its folder', async () => {
    installation = await TestInstallation.open(DAGS, {})
    writeFileSync(join(installation.folder, 'fairlead.config.mjs'), PROVIDED)
    const host = installation.component('worker-host')
    const server = installation.component('standalone')
    await host.start()
    const second = await installation.run(['worker-host'])
    expect(second.exitCode).toBe(5)
    expect(second.output).toContain(`Process ${host.pid} is the worker host of executor "tasks" already`)
    for (let round = 0; round < 2; round++) {
      await server.start()
      const client = await RestClient.login(`http://127.0.0.1:${installation.env['FAIRLEAD__API__PORT']}`, {
        username: 'admin',
        password: readFileSync(join(installation.folder, '.fairlead/keys/admin-password'), 'utf8').trim(),
      })
      await client.eventuallyKnown('pair')
      expect(await client.runEnd('pair', await client.trigger('pair'))).toBe('success')
      expect(await server.kill('SIGTERM')).toBe(0)
      expect(host.hasEnded).toBe(false)
    }
    expect(await host.kill('SIGTERM')).toBe(0)
  })

  it('is refused for an executor that starts its own, or has none', async () => {
    installation = await TestInstallation.open(DAGS, {})
    const own = await installation.run(['worker-host'])
    expect(own).toMatchObject({ exitCode: 1 })
    expect(own.output).toContain("Set executors.LocalExecutor.settings.workerHost to 'provided'.")
    const none = await installation.run(['worker-host', '--executor', 'DebugExecutor'])
    expect(none).toMatchObject({ exitCode: 3 })
    expect(none.output).toContain('No executor "DebugExecutor" has a worker host. Configured are: LocalExecutor.')
  })
})

describe.skipIf(!postgres.isProvided)(`components of their own ${postgres.title}`, () => {
  let database: ThrowawayDatabase
  let installation: TestInstallation

  beforeEach(async () => {
    database = await postgres.createDatabase()
    installation = await TestInstallation.open(DAGS, { FAIRLEAD__DATABASE__URL: database.url })
  })
  afterEach(async () => {
    await installation.dispose()
    await database.drop()
  })

  async function login(url: string): Promise<RestClient> {
    const password = readFileSync(join(installation.folder, '.fairlead/keys/admin-password'), 'utf8').trim()
    return RestClient.login(url, { username: 'admin', password })
  }

  it('run a Dag together, started at once on an empty database, and end in order when told to', async () => {
    const components = COMPONENTS.map((name) => installation.component(name))
    await Promise.all(components.map((component) => component.start()))
    const client = await login(installation.env['FAIRLEAD__API__BASE_URL'] ?? '')
    await client.eventuallyKnown('pair')
    const runId = await client.trigger('pair')
    expect(await client.runEnd('pair', runId)).toBe('success')
    expect(await client.logOf('pair', runId, 'second')).toContain('handed on')
    expect(installation.component('scheduler').log).toContain('"component":"scheduler"')
    const ends = await Promise.all(components.map((component) => component.kill('SIGTERM')))
    expect(ends).toEqual([0, 0, 0])
    await eventually(() => installation.processes.length === 0, { timeoutMs: 30_000 })
  })

  it('serve their health and metrics where they are asked to', async () => {
    const scheduler = installation.component('scheduler', ['scheduler', '--health-port', '0'])
    const processor = installation.component('dag-processor', ['dag-processor', '--health-port', '0'])
    const api = installation.component('api-server')
    await api.start()
    const client = await login(installation.env['FAIRLEAD__API__BASE_URL'] ?? '')
    expect(await client.get('/api/v2/monitor/health')).toMatchObject({
      scheduler: { status: 'unhealthy' },
      dag_processor: { status: null },
    })
    for (const [name, component] of [
      ['scheduler', scheduler],
      ['dag_processor', processor],
    ] as const) {
      await component.start()
      const [url = ''] = await eventually(() => /http:\S+(?=\/health)/.exec(component.log))
      await eventually(async () => (await fetch(`${url}/health`)).status === 200)
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ [name]: { status: 'healthy' } })
      expect((await fetch(`${url}/metrics`)).status).toBe(401)
      expect(await (await fetch(`${url}/metrics`, { headers: client.headers })).text()).toContain('airflow_')
    }
    await eventually(async () => {
      const health = (await client.get('/api/v2/monitor/health')) as Record<string, { status: string }>
      return health['scheduler']?.status === 'healthy' && health['dag_processor']?.status === 'healthy'
    })
  })

  it('reaches schedulers that sleep for an hour, and again after the connection they are woken by was lost', async () => {
    const sleepy = { FAIRLEAD__SCHEDULER__IDLE_INTERVAL: '3600' }
    const schedulers = ['one', 'two'].map((name) => installation.component(name, ['scheduler'], sleepy))
    const api = installation.component('api-server')
    await Promise.all([...schedulers, api, installation.component('dag-processor')].map((one) => one.start()))
    const client = await login(installation.env['FAIRLEAD__API__BASE_URL'] ?? '')
    await client.eventuallyKnown('pair')
    expect(await client.runEnd('pair', await client.trigger('pair'))).toBe('success')
    await runOnDatabase(database.url, END_LISTENERS)
    await eventually(() => schedulers.every(({ log }) => log.includes('not heard of for now')))
    expect(await client.runEnd('pair', await client.trigger('pair'))).toBe('success')
  })

  it('looks for itself now and then, whatever becomes of the connection it is woken by', async () => {
    const scheduler = installation.component('scheduler', ['scheduler'], { FAIRLEAD__SCHEDULER__IDLE_INTERVAL: '1' })
    const others = ['api-server', 'dag-processor'].map((name) => installation.component(name))
    await Promise.all([scheduler, ...others].map((one) => one.start()))
    const client = await login(installation.env['FAIRLEAD__API__BASE_URL'] ?? '')
    await client.eventuallyKnown('pair')
    const over = new AbortController()
    const deaf = keepDeaf(over.signal)
    await eventually(() => scheduler.log.includes('not heard of for now'))
    expect(await client.runEnd('pair', await client.trigger('pair'))).toBe('success')
    over.abort()
    await deaf
  })

  async function keepDeaf(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await runOnDatabase(database.url, END_LISTENERS)
  }

  it('refuses a second standalone in one home folder, whose socket it would take', async () => {
    await installation.component('standalone').start()
    const second = await installation.run(['standalone', '--port', '0'])
    expect(second.exitCode).toBe(1)
    expect(second.output).toContain('Another server of this home folder listens at')
  })

  it('refuses a scheduler that cannot tell its workers where an API is', async () => {
    const { exitCode, output } = await installation.run(['scheduler'], { FAIRLEAD__API__BASE_URL: '' })
    expect(exitCode).toBe(1)
    expect(output).toContain('FAIRLEAD__API__BASE_URL')
  })

  it('makes one account, whose password every API server takes', async () => {
    const other = await TestInstallation.open(DAGS, {
      FAIRLEAD__DATABASE__URL: database.url,
      FAIRLEAD__API__PORT: String(await freePort()),
    })
    try {
      const refused = installation.component('api-server')
      await refused.start()
      const secret = readFileSync(join(installation.folder, '.fairlead/keys/api-secret'), 'utf8').trim()
      const withoutSecret = await other.run(['api-server'])
      expect(withoutSecret.exitCode).toBe(1)
      expect(withoutSecret.output).toContain('has a secret for its tokens, and there is none in')
      const withAnother = await other.run(['api-server'], { FAIRLEAD__API_AUTH__JWT_SECRET: 'x'.repeat(40) })
      expect(withAnother.exitCode).toBe(1)
      expect(withAnother.output).toContain('is not the one of the installation')
      const second = other.component('second', ['api-server'], { FAIRLEAD__API_AUTH__JWT_SECRET: secret })
      expect(await second.start()).toContain('in the home folder that was first')
      const client = await login(`http://127.0.0.1:${other.env['FAIRLEAD__API__PORT']}`)
      // A token of one is good for the other.
      await client.at(installation.env['FAIRLEAD__API__BASE_URL'] ?? '').get('/api/v2/dags')
    } finally {
      await other.dispose()
    }
  })
})
