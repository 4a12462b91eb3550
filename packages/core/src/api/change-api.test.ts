import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type ApiWorld } from '../../../../testkit/api-world.ts'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'

let api: ApiWorld
/** Tasks that fail, until the test repairs them. */
const broken = new Set<string>()

beforeAll(async () => {
  api = await openApiWorld({
    play: (workload) => {
      if (workload.type !== 'ExecuteTask' || workload.taskInstance.taskId === 'hold') return 'never'
      return broken.has(workload.taskInstance.taskId) ? 'failed' : 'success'
    },
  })
  const tasks = [
    taskSpec('first'),
    taskSpec('middle', { upstream: ['first'] }),
    taskSpec('last', { upstream: ['middle'] }),
  ]
  await api.world.register(dagSpec('line', tasks))
  await api.world.register(dagSpec('stuck', [taskSpec('hold'), taskSpec('after', { upstream: ['hold'] })]))
})
afterAll(() => api.close())

const started = { count: 0 }

/** Starts a run of a Dag; answers its path. */
async function start(dagId: string): Promise<{ path: string; runId: string }> {
  const runId = `run${(started.count += 1)}`
  const { status } = await api.call('POST', `/api/v2/dags/${dagId}/dagRuns`, { body: { dag_run_id: runId } })
  expect(status).toBe(200)
  return { runId, path: `/api/v2/dags/${dagId}/dagRuns/${runId}` }
}

async function ended(path: string): Promise<string> {
  return eventually(async () => {
    const { body } = await api.call('GET', path)
    return body.state === 'success' || body.state === 'failed' ? (body.state as string) : ''
  })
}

async function failedRun(): Promise<{ path: string; runId: string }> {
  broken.add('middle')
  const run = await start('line')
  expect(await ended(run.path)).toBe('failed')
  broken.delete('middle')
  return run
}

describe('clearing', () => {
  const clear = (body: object) => api.call('POST', '/api/v2/dags/line/clearTaskInstances', { body })

  it('lists by default what it would clear, and changes nothing', async () => {
    const { path, runId } = await failedRun()
    const { body } = await clear({ dag_run_id: runId })
    expect(body).toMatchObject({ total_entries: 2, stopping: 0 })
    expect(body.task_instances.map((row: { task_id: string }) => row.task_id)).toEqual(['middle', 'last'])
    expect((await api.call('GET', path)).body.state).toBe('failed')
  })

  it('runs again what failed, keeps the tries, and ends the run anew', async () => {
    const { path, runId } = await failedRun()
    expect((await clear({ dag_run_id: runId, dry_run: false })).status).toBe(200)
    await eventually(async () => (await api.call('GET', path)).body.state === 'success')
    const { body } = await api.call('GET', `${path}/taskInstances/middle/tries`)
    expect(body.task_instances.map((row: { state: string }) => row.state)).toEqual(['failed', 'success'])
    expect((await api.call('GET', `${path}/taskInstances/first`)).body.try_number).toBe(1)
  })

  it('moves a run to the latest version of its Dag when asked, by tasks and as a whole', async () => {
    const tasks = [taskSpec('first'), taskSpec('going', { upstream: ['first'] })]
    await api.world.register(dagSpec('moving', tasks))
    const { path, runId } = await start('moving')
    expect(await ended(path)).toBe('success')
    await api.world.register(dagSpec('moving', [taskSpec('coming'), taskSpec('first', { upstream: ['coming'] })]))
    const asked = { dag_run_id: runId, only_failed: false, dry_run: false, run_on_latest_version: true }
    const { status, body } = await api.call('POST', '/api/v2/dags/moving/clearTaskInstances', { body: asked })
    expect(status).toBe(200)
    expect(body.task_instances.map((row: { task_id: string }) => row.task_id)).toEqual(['coming', 'first'])
    expect(await ended(path)).toBe('success')
    const rows = (await api.call('GET', `${path}/taskInstances`)).body.task_instances
    expect(
      rows.map((row: { task_id: string; state: string; try_number: number }) => [
        row.task_id,
        row.state,
        row.try_number,
      ]),
    ).toEqual([
      ['going', 'removed', 1],
      ['coming', 'success', 1],
      ['first', 'success', 2],
    ])
    expect((await api.call('GET', path)).body.dag_versions).toMatchObject([{ version_number: 2 }])

    await api.world.register(dagSpec('moving', [taskSpec('first')]))
    await api.call('POST', `${path}/clear`, { body: { dry_run: false, run_on_latest_version: true } })
    expect(await ended(path)).toBe('success')
    expect((await api.call('GET', path)).body.dag_versions).toMatchObject([{ version_number: 3 }])
  })

  it('moves no run of which something else is under way, and says what', async () => {
    await api.world.register(dagSpec('busy', [taskSpec('hold'), taskSpec('free')]))
    const { path, runId } = await start('busy')
    await eventually(async () => (await api.call('GET', `${path}/taskInstances/free`)).body.state === 'success')
    await eventually(async () => (await api.call('GET', `${path}/taskInstances/hold`)).body.state === 'queued')
    await api.world.register(dagSpec('busy', [taskSpec('hold'), taskSpec('free'), taskSpec('more')]))
    const asked = { dag_run_id: runId, task_ids: ['free'], only_failed: false, dry_run: false }
    const { status, body } = await api.call('POST', '/api/v2/dags/busy/clearTaskInstances', {
      body: { ...asked, run_on_latest_version: true },
    })
    expect(status).toBe(409)
    expect(body.detail).toContain(`Task instance "hold" of run "${runId}" is queued and is not cleared`)
    expect((await api.call('GET', path)).body.dag_versions).toMatchObject([{ version_number: 1 }])
    await api.call('POST', `${path}/cancel`)
  })

  it('takes what is downstream along', async () => {
    const { path, runId } = await start('line')
    expect(await ended(path)).toBe('success')
    const asked = { dag_run_id: runId, only_failed: false, task_ids: ['middle'], include_downstream: true }
    expect((await clear(asked)).body.total_entries).toBe(2)
    await clear({ ...asked, dry_run: false })
    await eventually(async () => (await api.call('GET', `${path}/taskInstances/last`)).body.try_number === 2)
    expect(await ended(path)).toBe('success')
    expect((await api.call('GET', `${path}/taskInstances/first`)).body.try_number).toBe(1)
  })

  it('of a whole run begins it again', async () => {
    const { path } = await start('line')
    expect(await ended(path)).toBe('success')
    const listed = await api.call('POST', `${path}/clear`, { body: {} })
    expect(listed.body.total_entries).toBe(3)
    const { body } = await api.call('POST', `${path}/clear`, { body: { dry_run: false } })
    expect(body).toMatchObject({ state: 'queued', start_date: null, end_date: null, stopping: 0 })
    await eventually(async () => (await api.call('GET', `${path}/taskInstances/last`)).body.try_number === 2)
  })

  it('names what is not there', async () => {
    const { runId } = await start('line')
    expect((await clear({ dag_run_id: 'none' })).body.detail).toContain('"none"')
    expect((await clear({ dag_run_id: runId, task_ids: ['x'] })).body.detail).toContain('"x"')
    expect((await clear({ dag_run_id: runId, reset_dag_runs: false })).status).toBe(422)
  })
})

describe('marking', () => {
  it('a task instance lets what waits for it go on, and clears what failed after it', async () => {
    const { path } = await failedRun()
    const one = `${path}/taskInstances/middle`
    const dry = await api.call('PATCH', `${one}/dry_run`, { body: { new_state: 'success' } })
    expect(dry.body.task_instances.map((row: { state: string }) => row.state)).toEqual(['failed'])
    const { body } = await api.call('PATCH', one, { body: { new_state: 'success' } })
    expect(body).toMatchObject({ total_entries: 1, task_instances: [{ task_id: 'middle', state: 'success' }] })
    await eventually(async () => (await api.call('GET', path)).body.state === 'success')
    expect((await api.call('GET', `${path}/taskInstances/last`)).body.state).toBe('success')
  })

  it('a leaf changes the outcome of its ended run', async () => {
    const { path } = await start('line')
    expect(await ended(path)).toBe('success')
    await api.call('PATCH', `${path}/taskInstances/last`, { body: { new_state: 'failed' } })
    expect((await api.call('GET', path)).body.state).toBe('failed')
  })

  it('a run ends it: as success with all of it, as failed with the rest skipped', async () => {
    const won = await start('stuck')
    expect((await api.call('PATCH', won.path, { body: { state: 'success' } })).body.state).toBe('success')
    const states = async (path: string) =>
      (await api.call('GET', `${path}/taskInstances`)).body.task_instances.map((row: { state: string }) => row.state)
    expect(await states(won.path)).toEqual(['success', 'success'])
    const lost = await start('stuck')
    expect((await api.call('PATCH', lost.path, { body: { state: 'failed' } })).body.state).toBe('failed')
    expect(await states(lost.path)).toEqual(['skipped', 'skipped'])
  })

  it('writes a note, and leaves the state alone', async () => {
    const { path } = await start('line')
    const { body } = await api.call('PATCH', path, { body: { note: 'looked at' } })
    expect(body.note).toBe('looked at')
  })

  it('refuses states that nobody can mark', async () => {
    const { path } = await start('line')
    expect((await api.call('PATCH', `${path}/taskInstances/last`, { body: { new_state: 'running' } })).status).toBe(422)
    expect((await api.call('PATCH', path, { body: { state: 'running' } })).status).toBe(422)
  })
})

describe('cancelling', () => {
  it('a run tells what is still being stopped, and who asked', async () => {
    const { path, runId } = await start('stuck')
    await eventually(async () => (await api.call('GET', `${path}/taskInstances/hold`)).body.state === 'queued')
    const { body } = await api.call('POST', `${path}/cancel`)
    expect(body).toMatchObject({ state: 'failed', stopping: 1 })
    expect((await api.call('GET', `${path}/taskInstances/hold`)).body).toMatchObject({
      state: 'failed',
      failure: { cause: 'cancelled' },
    })
    const stopping = await api.call('GET', `${path}/stopping`)
    expect(stopping.body.processes).toMatchObject([{ task_id: 'hold', stop_reason: 'cancelled', dag_run_id: runId }])
    const log = await api.call('GET', `/api/v2/eventLogs?dag_id=stuck&run_id=${runId}&limit=100`)
    const ends = log.body.event_logs.filter((one: { event: string }) => one.event === 'dag_run.state')
    expect(ends.at(-1)).toMatchObject({ owner: expect.not.stringContaining('scheduler') as string })
    expect((await api.call('POST', `${path}/cancel`)).status).toBe(409)
  })

  it('a task instance fails it, and what waits for it', async () => {
    const { path } = await start('stuck')
    const { body } = await api.call('POST', `${path}/taskInstances/hold/cancel`)
    expect(body.task_instances).toMatchObject([{ state: 'failed', failure: { cause: 'cancelled' } }])
    expect(await ended(path)).toBe('failed')
    expect((await api.call('GET', `${path}/taskInstances/after`)).body.state).toBe('upstream_failed')
    expect((await api.call('POST', `${path}/taskInstances/hold/cancel`)).status).toBe(409)
  })
})

describe('deleting', () => {
  it('takes a run that has ended, and no other', async () => {
    const { path } = await start('stuck')
    expect((await api.call('DELETE', path)).body).toMatchObject({ code: 'CONFLICT', remedy: 'Cancel it first.' })
    const done = await start('line')
    expect(await ended(done.path)).toBe('success')
    await eventually(async () => (await api.call('DELETE', done.path)).status === 204)
    expect((await api.call('GET', done.path)).status).toBe(404)
  })
})

describe('asking for one task instance', () => {
  it('is refused by name where no executor can be asked, where it runs, and where there is none', async () => {
    const { path } = await start('stuck')
    await eventually(async () => (await api.call('GET', `${path}/taskInstances/hold`)).body.state === 'queued')
    const run = (taskId: string, body: object = {}) => api.call('POST', `${path}/taskInstances/${taskId}/run`, { body })
    expect((await run('nothing')).status).toBe(404)
    expect(await run('hold')).toMatchObject({ status: 409, body: { detail: expect.stringContaining('is queued') } })
    expect((await run('after')).body.detail).toMatch(/all_success of "after".*"hold" is queued/)
    const answer = await run('after', { ignore_dependencies: true, executor: 'elsewhere' })
    expect(answer.body).toMatchObject({
      detail: 'There is no executor "elsewhere".',
      remedy: 'No executor here can be asked.',
    })
    expect((await run('after', { ignore_dependencies: true })).body.detail).toMatch(/"instant" runs no task instance/)
  })
})
