import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { TestInstallation } from '../../testkit/installation.ts'
import { RestClient } from '../../testkit/rest-client.ts'
import { TEST_ENGINES } from '../../testkit/test-databases.ts'
import type { ThrowawayDatabase } from '../../testkit/throwaway-database.ts'
import { FakeCloud } from '../contract/fake-cloud.ts'

/** What an API server answers about an executor from outside that lives in a scheduler elsewhere. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const DAGS = {
  'gated.ts': `import { existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'
const dag = new Dag('gated', { isPausedUponCreation: false, executor: 'cloud' })
dag.task('wait', async () => {
  while (!existsSync(String(getContext().conf['go']))) await new Promise((resolve) => setTimeout(resolve, 20))
})()
`,
}
const COMPONENTS = ['api-server', 'scheduler', 'dag-processor'] as const
const { postgres } = TEST_ENGINES

describe.skipIf(!postgres.isProvided)(`an executor beside the API server ${postgres.title}`, () => {
  let database: ThrowawayDatabase
  let installation: TestInstallation
  let cloud: FakeCloud
  let client: RestClient

  beforeEach(async () => {
    database = await postgres.createDatabase()
    cloud = await new FakeCloud().listen()
    installation = await TestInstallation.open(DAGS, {
      FAIRLEAD__DATABASE__URL: database.url,
      FAIRLEAD__SCHEDULER__IDLE_INTERVAL: '1',
    })
    symlinkSync(join(root, 'node_modules'), join(installation.folder, 'node_modules'))
    writeFileSync(
      join(installation.folder, 'fairlead.config.mjs'),
      `export default ${JSON.stringify(configuration())}\n`,
    )
    await Promise.all(COMPONENTS.map((name) => installation.component(name).start()))
    const password = readFileSync(join(installation.folder, '.fairlead/keys/admin-password'), 'utf8').trim()
    client = await RestClient.login(address(), { username: 'admin', password })
    await client.eventuallyKnown('gated')
  })
  afterEach(async () => {
    cloud.throttle = 0
    await installation.dispose()
    await cloud.close()
    await database.drop()
  })

  const address = (): string => installation.env['FAIRLEAD__API__BASE_URL'] ?? ''

  function configuration(): object {
    const runner = join(root, 'tests/contract/workload-runner.mjs')
    const script = `echo 'seen in the cloud'; exec '${process.execPath}' '${runner}'`
    return {
      executors: {
        local: { executor: 'LocalExecutor' },
        cloud: {
          executor: `${join(root, 'tests/contract/fake-cloud-executor/src/index.ts')}#AllRoundExecutor`,
          settings: { cloudUrl: cloud.url, workerCommand: ['/bin/sh', '-c', script] },
        },
      },
    }
  }

  async function begun(go: string): Promise<string> {
    const runId = await client.trigger('gated', { conf: { go } })
    const task = `/api/v2/dags/gated/dagRuns/${runId}/taskInstances/wait`
    await eventually(async () => ((await client.get(task)) as { state: string }).state === 'running')
    return runId
  }

  async function executor(name: string): Promise<Record<string, unknown>> {
    const { executors } = (await client.get('/api/v2/executors')) as { executors: Array<Record<string, unknown>> }
    return executors.find((one) => one['name'] === name) ?? {}
  }

  it('shows the log, the views and the slots of its running work, and serves its routes', async () => {
    const go = join(installation.folder, 'go')
    const runId = await begun(go)
    const task = `/api/v2/dags/gated/dagRuns/${runId}/taskInstances/wait`
    await eventually(async () => (await client.logOf('gated', runId, 'wait')).includes('seen in the cloud'))
    expect(await client.get(`${task}/explain`)).toMatchObject({ gate: 'running' })
    expect(await client.get(`${task}/executorViews/job`)).toMatchObject({ data: { jobId: 'job-1', status: 'RUNNING' } })
    expect(await client.get('/api/v2/executorViews/cloud/cloud')).toMatchObject({ data: { url: cloud.url, visits: 0 } })
    const credential = readFileSync(join(installation.folder, '.fairlead/keys/worker-cloud'), 'utf8').trim()
    const visit = await fetch(`${address()}/executors/cloud/visit`, {
      method: 'POST',
      headers: { authorization: `Bearer ${credential}` },
    })
    expect([visit.status, await visit.json()]).toEqual([200, { visits: 1 }])
    expect(await client.get('/api/v2/executorViews/cloud/cloud')).toMatchObject({ data: { visits: 1 } })
    expect(await executor('cloud')).toMatchObject({ status: 'healthy', running: 1, class_name: 'AllRoundExecutor' })
    writeFileSync(go, '')
    expect(await client.runEnd('gated', runId)).toBe('success')
  })

  it('is told to be degraded wherever people look, and well again', async () => {
    const health = () => client.get('/api/v2/monitor/health')
    await eventually(async () => (await executor('cloud'))['status'] === 'healthy')
    expect(await health()).toMatchObject({ executors: { local: { status: 'healthy' }, cloud: { status: 'healthy' } } })
    const runId = await begun(join(installation.folder, 'go'))
    cloud.throttle = Number.POSITIVE_INFINITY
    await eventually(async () => (await executor('cloud'))['status'] === 'degraded')
    expect(await health()).toMatchObject({
      scheduler: { status: 'healthy' },
      executors: { local: { status: 'healthy' }, cloud: { status: 'degraded' } },
    })
    expect(JSON.stringify(await health())).not.toContain('slow down')
    const listed = await installation.run(['executors', 'list'])
    expect(listed.output).toContain('slow down')
    const log = await client.logOf('gated', runId, 'wait')
    expect(log).toContain("The executor's log broke off")
    const waiting = await client.trigger('gated', { conf: { go: join(installation.folder, 'go') } })
    const explain = `/api/v2/dags/gated/dagRuns/${waiting}/taskInstances/wait/explain`
    await eventually(async () => ((await client.get(explain)) as { gate: string }).gate === 'executor_unhealthy')
    expect(await client.get(explain)).toMatchObject({ explanation: expect.stringContaining('slow down') as string })
    cloud.throttle = 0
    writeFileSync(join(installation.folder, 'go'), '')
    expect(await client.runEnd('gated', runId)).toBe('success')
    expect(await client.runEnd('gated', waiting)).toBe('success')
    await eventually(async () => (await executor('cloud'))['status'] === 'healthy')
  })
})
