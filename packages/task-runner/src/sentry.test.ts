import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeSentry } from '../../../testkit/fake-sentry.ts'
import { linesOf, superviseTasks } from '../../../testkit/supervised-tasks.ts'
import type { SentrySettings } from './sentry-settings.ts'

/** The real SDK in the real child, and a server that takes what it sends. */
describe('Sentry', () => {
  const tasks = superviseTasks()
  let server: FakeSentry
  let settings: SentrySettings

  beforeEach(async () => {
    server = new FakeSentry()
    await server.listen()
    settings = {
      dsn: server.dsn,
      environment: 'staging',
      release: 'v7',
      beforeSend: null,
      options: {},
      flushTimeoutMs: 20_000,
    }
  })
  afterEach(() => server.close())

  const run = (taskId: string, sentry: SentrySettings | null = settings) =>
    tasks.run(taskId, { sentryIntegration: '@sentry/node' }, { sentry })

  it('has heard of a failure, with its tags and what ended before it, when the outcome is reported', async () => {
    const heardAtReport: number[] = []
    tasks.api.intercept = ({ path }) => {
      if (path.endsWith('/state')) heardAtReport.push(server.events.length)
      if (!path.includes('/breadcrumbs')) return null
      const other = { task_id: 'load', map_index: -1, state: 'success', operator: null, duration: 1.5 }
      return { status: 200, body: { breadcrumbs: [other, { ...other, task_id: 'throws', state: 'up_for_retry' }] } }
    }
    const { id } = await run('throws')
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed', error: { name: 'RangeError' } }])
    expect(heardAtReport).toEqual([1])
    const [event] = server.events
    expect(event).toMatchObject({
      environment: 'staging',
      release: 'v7',
      exception: { values: [{ type: 'RangeError', value: 'no such row' }] },
      tags: {
        dag_id: 'demo',
        run_id: 'manual__1',
        task_id: 'throws',
        map_index: -1,
        try_number: 1,
        operator: 'handler',
        logical_date: '2026-01-01T00:00:00.000Z',
        data_interval_start: '2026-01-01T00:00:00.000Z',
        data_interval_end: '2026-01-02T00:00:00.000Z',
      },
    })
    const finished = event?.breadcrumbs?.filter(({ category }) => category === 'completed_tasks')
    expect(finished?.map(({ data }) => data)).toMatchObject([{ task_id: 'load', state: 'success', duration: 1.5 }])
  })

  it('hears of an error that nobody caught', async () => {
    const { id } = await run('throwsLater')
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed', error: { message: 'later' } }])
    expect(server.events).toMatchObject([{ exception: { values: [{ value: 'later' }] } }])
  })

  it('sees none of the secrets that the task has seen', async () => {
    tasks.api.connections.set('db', { ...CONNECTION, password: 'opensesame', extra: '{"api_token":"t0ken-t0ken"}' })
    tasks.api.connections.set('own', { ...CONNECTION, conn_id: 'own' })
    await run('connects')
    expect(server.events).toMatchObject([{ exception: { values: [{ value: 'db.example:5432 refused ***' }] } }])
    const told = server.bodies.join('\n')
    expect(['opensesame', 't0ken-t0ken', 'myownword'].filter((secret) => told.includes(secret))).toEqual([])
  })

  it.each(['hello', 'skips'])('hears nothing of task %s, which does not fail', async (taskId) => {
    await run(taskId)
    expect(server.events).toEqual([])
  })

  it.each([
    ['is loaded where it is on', true],
    ['is not loaded where it is off', false],
  ])('%s', async (_what, isOn) => {
    await run('hasSentry', isOn ? settings : null)
    expect(tasks.api.xcoms.get('hasSentry/return_value')).toBe(isOn)
  })

  it('keeps no outcome from being reported when its server does not answer', async () => {
    server.isHanging = true
    const { id } = await run('throws', { ...settings, flushTimeoutMs: 200 })
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed' }])
  })

  it('leaves out options that it does not know and modules that are not there, and says so', async () => {
    const { log } = await run('throws', {
      ...settings,
      beforeSend: './gone.mjs#scrub',
      options: { transport: 1, dist: 'd' },
    })
    expect(server.events).toMatchObject([{ dist: 'd' }])
    expect(linesOf(log).filter(({ level }) => level === 'warn')).toMatchObject([
      { event: 'Sentry options are not supported and left out', options: ['transport'] },
      { event: 'a module for Sentry could not be loaded', module: './gone.mjs#scrub' },
    ])
  })

  it("shows an event to the user's function, and masks what comes of it", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-sentry-'))
    const module = join(folder, 'scrub.mjs')
    writeFileSync(module, `export const scrub = (event) => ({ ...event, extra: { seen: true, word: 'opensesame' } })`)
    tasks.api.connections.set('db', { ...CONNECTION, password: 'opensesame' })
    tasks.api.connections.set('own', CONNECTION)
    await run('connects', { ...settings, beforeSend: `${module}#scrub` })
    rmSync(folder, { recursive: true })
    expect(server.events).toMatchObject([{ extra: { seen: true, word: '***' } }])
  })

  it('hears of a handler that waits for what nothing can settle', async () => {
    const { id } = await run('neverSettles')
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed', error: { name: 'NeverSettled' } }])
    expect(server.events).toMatchObject([{ exception: { values: [{ type: 'NeverSettled' }] } }])
  })
})

const CONNECTION = {
  conn_id: 'db',
  conn_type: 'postgres',
  host: 'db.example',
  login: 'me',
  password: 'myownword',
  schema: null,
  port: 5432,
  extra: '{}',
}
