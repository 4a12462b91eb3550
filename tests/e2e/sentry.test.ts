import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { FakeSentry } from '../../testkit/fake-sentry.ts'

const DAG = `import { Dag } from 'fairlead'

const dag = new Dag('told', { isPausedUponCreation: false })
const first = dag.task('first', () => console.log('environment', Object.values(process.env).join(' ')))()
const breaks = dag.task('breaks', () => { throw new TypeError('no such column') })()
first.before(breaks)
`

let server: FairleadServer
let sentry: FakeSentry
beforeAll(async () => {
  sentry = new FakeSentry()
  await sentry.listen()
  server = new FairleadServer({ 'told.ts': DAG })
  const settings = { sentryOn: true, sentryDsn: sentry.dsn, environment: 'test', flushTimeout: 20 }
  writeFileSync(join(server.folder, 'fairlead.config.mjs'), `export default { sentry: ${JSON.stringify(settings)} }\n`)
  await server.start()
})
afterAll(async () => {
  await server.dispose()
  await sentry.close()
})

it('tells what to install where the SDK is missing, and tells Sentry of failures where it is there', async () => {
  const without = await server.trigger('told')
  expect(await server.runEnd('told', without)).toBe('failed')
  const { stdout } = await server.run('tasks', 'logs', 'told', without, 'breaks')
  expect(stdout).toMatch(/@sentry\/node\W+is not installed in .*Run there: npm install @sentry\/node/)
  expect(sentry.events).toEqual([])

  mkdirSync(join(server.folder, 'node_modules'))
  symlinkSync(join(process.cwd(), 'node_modules/@sentry'), join(server.folder, 'node_modules/@sentry'))
  const runId = await server.trigger('told')
  expect(await server.runEnd('told', runId)).toBe('failed')
  expect(sentry.events).toMatchObject([
    {
      environment: 'test',
      exception: { values: [{ type: 'TypeError', value: 'no such column' }] },
      tags: { dag_id: 'told', task_id: 'breaks', run_id: runId },
    },
  ])
  const finished = sentry.events[0]?.breadcrumbs?.filter(({ category }) => category === 'completed_tasks')
  expect(finished?.map(({ data }) => data)).toMatchObject([{ task_id: 'first', state: 'success' }])
})

it('shows the address of Sentry to no task and in no log', async () => {
  const runId = await server.trigger('told')
  await server.runEnd('told', runId)
  const { stdout } = await server.run('tasks', 'logs', 'told', runId, 'first')
  expect(stdout).toContain('environment')
  expect(stdout).not.toContain('publickey')
  expect(server.log).not.toContain('publickey')
  expect((await server.run('config', 'list')).stdout).not.toContain('publickey')
})
