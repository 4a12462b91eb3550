import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type ApiWorld } from '../../../../testkit/api-world.ts'
import { chain, dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { recordImportError } from '../moves/register-dag-file.ts'

let api: ApiWorld

beforeAll(async () => {
  api = await openApiWorld({ env: { FAIRLEAD__API_AUTH__MAX_FAILED_LOGINS: '3' } })
  await api.world.register(
    dagSpec(
      'sales',
      [
        ...chain(3),
        taskSpec('report', {
          upstream: ['t2'],
          program: { kind: 'shell', command: 'true', env: {}, cwd: null, skipOnExitCode: null },
        }),
      ],
      {
        tags: ['daily', 'team-a'],
        description: 'Adds up',
      },
    ),
  )
  await api.world.register(
    dagSpec('Ünïcode 🚢/x', chain(1), {
      schedule: { kind: 'cron', expression: '0 5 * * *', timezone: 'Europe/Berlin' },
      isPausedUponCreation: true,
    }),
  )
  await recordImportError(api.world.context, {
    bundleName: 'dags',
    file: 'broken.ts',
    error: { kind: 'syntax', message: 'Unexpected "}"', line: 3, column: 7, stack: null },
  })
})
afterAll(() => api.close())

const startRun = async (dagId = 'sales', body: unknown = {}) => {
  const { status, body: run } = await api.call('POST', `/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns`, { body })
  expect(status).toBe(200)
  return run as { dag_run_id: string; [key: string]: unknown }
}

const taskPath = (run: { dag_run_id: string }, taskId: string) =>
  `/api/v2/dags/sales/dagRuns/${encodeURIComponent(run.dag_run_id)}/taskInstances/${taskId}`

describe('access', () => {
  it.each(['/api/v2/version', '/api/v2/monitor/health'])('lets anybody read %s', async (path) => {
    expect((await api.call('GET', path, { headers: {} })).status).toBe(200)
  })

  it.each(['/api/v2/dags', '/api/v2/config', '/openapi.json', '/metrics', '/api/v2/executors'])(
    'wants a token for %s',
    async (path) => {
      const { status, body, headers } = await api.call('GET', path, { headers: {} })
      expect(status).toBe(401)
      expect(headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(body).toMatchObject({
        code: 'UNAUTHENTICATED',
        status: 401,
        remedy: expect.stringContaining('/auth/token') as string,
      })
    },
  )

  it('refuses a token that another secret signed, or of workers', async () => {
    const subject = {
      taskInstanceId: '01890000-0000-7000-8000-000000000001',
      dispatchId: '01890000-0000-7000-8000-000000000002',
    } as never
    const foreign = await api.executionTokens.createSession(subject)
    for (const token of ['eyJhbGciOiJub25lIn0.e30.', foreign]) {
      expect((await api.call('GET', '/api/v2/dags', { headers: { authorization: `Bearer ${token}` } })).status).toBe(
        401,
      )
    }
  })

  it('gives a token for the generated password', async () => {
    const { status, body } = await api.call('POST', '/auth/token', {
      headers: {},
      body: { username: 'admin', password: api.password },
    })
    expect(status).toBe(201)
    const headers = { authorization: `Bearer ${(body as { access_token: string }).access_token}` }
    expect((await api.call('GET', '/api/v2/dags', { headers })).status).toBe(200)
  })

  it('keeps its secrets in files that only the owner can read', () => {
    for (const file of ['api-secret', 'admin-password']) {
      expect(statSync(join(api.config.paths.keys, file)).mode & 0o777).toBe(0o600)
    }
    expect(statSync(api.listening.socketPath ?? '').mode & 0o777).toBe(0o600)
    expect(new URL(api.listening.url).hostname).toBe('127.0.0.1')
  })

  it('refuses further logins for a while after too many wrong ones', async () => {
    const attempt = () =>
      api.call('POST', '/auth/token', { headers: {}, body: { username: 'admin', password: 'wrong' } })
    const statuses = [await attempt(), await attempt(), await attempt(), await attempt()].map(({ status }) => status)
    expect(statuses).toEqual([401, 401, 401, 429])
  })
})

describe('Dags', () => {
  it("are listed in Airflow's shape", async () => {
    const { body } = await api.call('GET', '/api/v2/dags?order_by=-dag_id')
    expect(body.total_entries).toBe(2)
    expect(body.dags.map((dag: { dag_id: string }) => dag.dag_id)).toEqual(['Ünïcode 🚢/x', 'sales'])
    expect(body.dags[1]).toMatchObject({
      dag_id: 'sales',
      is_paused: false,
      is_stale: false,
      description: 'Adds up',
      tags: [{ name: 'daily', dag_id: 'sales' }, { name: 'team-a' }],
      timetable_description: 'Never, external triggers only',
      has_import_errors: false,
      fileloc: expect.stringContaining('/sales.ts') as string,
    })
  })

  it.each([
    ['dag_id_pattern=SAL%25', ['sales']],
    ['paused=true', ['Ünïcode 🚢/x']],
    ['tags=daily&tags=other', ['sales']],
    ['tags=daily&tags=other&tags_match_mode=all', []],
    ['limit=1', ['sales']],
    ['limit=1&offset=1', ['Ünïcode 🚢/x']],
    ['has_import_errors=true', []],
  ])('can be narrowed by %s', async (query, dagIds) => {
    const { body } = await api.call('GET', `/api/v2/dags?${query}`)
    expect(body.dags.map((dag: { dag_id: string }) => dag.dag_id)).toEqual(dagIds)
  })

  it('are found under any id', async () => {
    const path = `/api/v2/dags/${encodeURIComponent('Ünïcode 🚢/x')}`
    expect((await api.call('GET', path)).body).toMatchObject({ dag_id: 'Ünïcode 🚢/x', timetable_summary: '0 5 * * *' })
    expect((await api.call('GET', `${path}/details`)).body).toMatchObject({
      timezone: 'Europe/Berlin',
      latest_dag_version: { version_number: 1 },
    })
  })

  it('are paused and unpaused, and the audit log says by whom', async () => {
    expect((await api.call('PATCH', '/api/v2/dags/sales', { body: { is_paused: true } })).body.is_paused).toBe(true)
    expect((await api.call('PATCH', '/api/v2/dags/sales', { body: { is_paused: false } })).body.is_paused).toBe(false)
    const { body } = await api.call('GET', '/api/v2/eventLogs?event=dag.paused')
    expect(body.event_logs).toMatchObject([{ dag_id: 'sales', owner: 'ada' }])
  })

  it('show their tasks with what follows each', async () => {
    const { body } = await api.call('GET', '/api/v2/dags/sales/tasks')
    expect(
      body.tasks.map((task: { task_id: string; downstream_task_ids: string[] }) => [
        task.task_id,
        task.downstream_task_ids,
      ]),
    ).toEqual([
      ['report', []],
      ['t0', ['t1']],
      ['t1', ['t2']],
      ['t2', ['report']],
    ])
    expect((await api.call('GET', '/api/v2/dags/sales/tasks/report')).body.operator_name).toBe('ShellTask')
  })

  it('show their versions', async () => {
    expect((await api.call('GET', '/api/v2/dags/sales/dagVersions')).body).toMatchObject({
      total_entries: 1,
      dag_versions: [{ version_number: 1 }],
    })
    expect((await api.call('GET', '/api/v2/dags/sales/dagVersions/1')).status).toBe(200)
    expect((await api.call('GET', '/api/v2/dags/sales/dagVersions/9')).status).toBe(404)
  })
})

describe('Dag runs', () => {
  it('are triggered with conf and listed', async () => {
    const run = await startRun('sales', {
      dag_run_id: 'by hand',
      conf: { day: 3 },
      note: 'why',
      logical_date: '2026-01-02T03:04:05Z',
    })
    expect(run).toMatchObject({
      dag_run_id: 'by hand',
      dag_id: 'sales',
      run_type: 'manual',
      conf: { day: 3 },
      note: 'why',
      logical_date: '2026-01-02T03:04:05.000Z',
      triggered_by: 'rest_api',
      triggering_user_name: 'ada',
      dag_versions: [{ version_number: 1 }],
    })
    const { body } = await api.call('GET', '/api/v2/dags/~/dagRuns?run_id_pattern=by%20hand&state=queued&state=running')
    expect(body).toMatchObject({ total_entries: 1, dag_runs: [{ dag_run_id: 'by hand' }] })
    expect(
      (await api.call('GET', '/api/v2/dags/sales/dagRuns?logical_date_gt=2026-01-03T00:00:00Z')).body.total_entries,
    ).toBe(0)
  })

  it('refuse an id that is taken', async () => {
    await startRun('sales', { dag_run_id: 'twice' })
    const { status, body } = await api.call('POST', '/api/v2/dags/sales/dagRuns', { body: { dag_run_id: 'twice' } })
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'CONFLICT', detail: expect.stringContaining('twice') as string })
  })
})

describe('task instances', () => {
  it('are listed for a run, and across runs with ~', async () => {
    const run = await startRun()
    const path = `/api/v2/dags/sales/dagRuns/${encodeURIComponent(run.dag_run_id)}/taskInstances`
    const { body } = await api.call('GET', `${path}?order_by=task_id`)
    expect(body.task_instances.map((one: { task_id: string }) => one.task_id)).toEqual(['report', 't0', 't1', 't2'])
    const all = await api.call('GET', `/api/v2/dags/~/dagRuns/~/taskInstances?task_id=t0&limit=1`)
    expect(all.body.total_entries).toBeGreaterThanOrEqual(1)
    expect(all.body.task_instances).toHaveLength(1)
  })

  it("carry Airflow's fields", async () => {
    const run = await startRun()
    await eventually(async () => (await api.call('GET', taskPath(run, 't0'))).body.state === 'queued')
    expect((await api.call('GET', taskPath(run, 't0'))).body).toMatchObject({
      task_id: 't0',
      map_index: -1,
      state: 'queued',
      max_tries: 0,
      executor: 'instant',
      operator: 'Task',
      pool: 'default_pool',
      failure: null,
      dag_version: { version_number: 1 },
    })
    expect((await api.call('GET', taskPath(run, 't1'))).body.state).toBeNull()
    expect((await api.call('GET', `${taskPath(run, 't0')}/-1`)).body.task_id).toBe('t0')
  })

  it('have tries', async () => {
    const run = await startRun()
    expect((await api.call('GET', `${taskPath(run, 't0')}/tries`)).body).toMatchObject({ total_entries: 1 })
    expect((await api.call('GET', `${taskPath(run, 't0')}/tries/7`)).body.detail).toMatch(
      /no try of task instance "t0" "7"/,
    )
  })

  it('explain what they wait for', async () => {
    const run = await startRun()
    const explain = async (taskId: string) => (await api.call('GET', `${taskPath(run, taskId)}/explain`)).body
    await eventually(async () => (await explain('t0')).gate === 'queued')
    expect(await explain('t1')).toMatchObject({
      gate: 'upstream',
      explanation: 'Trigger rule all_success waits for: t0.',
      facts: { triggerRule: 'all_success', waitingFor: ['t0'] },
      task_instance: { task_id: 't1' },
    })
  })
})

describe('errors', () => {
  it.each([
    ['GET', '/api/v2/dags/absent', 404, /no Dag "absent"/],
    ['GET', '/api/v2/dags/sales/dagRuns/absent', 404, /no run of Dag "sales" "absent"/],
    ['GET', '/api/v2/dags/absent/dagRuns', 404, /no Dag "absent"/],
    ['GET', '/api/v2/dags/sales/dagRuns/absent/taskInstances/t0', 404, /"absent"/],
    ['GET', '/api/v2/dags/sales/tasks/absent', 404, /"absent"/],
    ['GET', '/api/v2/nothing', 404, /no route "GET \/api\/v2\/nothing"/],
    ['GET', '/api/v2/dags?limit=-1', 422, /querystring.limit/],
    ['GET', '/api/v2/dags?limit=many', 422, /querystring.limit/],
    ['GET', '/api/v2/dags?order_by=colour', 400, /ordered by "colour"/],
    ['GET', '/api/v2/config?section=croe', 404, /"croe"/],
    ['GET', '/api/v2/importErrors/1', 404, /"1"/],
  ])('%s %s is %i', async (method, path, status, detail) => {
    const answer = await api.call(method, path)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ status, type: 'about:blank', detail: expect.stringMatching(detail) as string })
  })

  it.each([
    [{ is_paused: 'yes' }, /body.is_paused/],
    [{ is_paused: true, owner: 'me' }, /owner/],
    [{}, /body.is_paused/],
  ])('the body %j of a patch is 422 and says where', async (body, detail) => {
    const answer = await api.call('PATCH', '/api/v2/dags/sales', { body })
    expect(answer.status).toBe(422)
    expect(answer.body).toMatchObject({
      code: 'INVALID',
      detail: expect.stringMatching(detail) as string,
      errors: [expect.anything()],
    })
  })

  it('a body too large is 413', async () => {
    const { status, body } = await api.call('POST', '/api/v2/dags/sales/dagRuns', {
      body: { conf: { big: 'x'.repeat(2_000_000) } },
    })
    expect(status).toBe(413)
    expect(body.code).toBe('TOO_LARGE')
  })

  it('a body that is no JSON is refused', async () => {
    const headers = { authorization: `Bearer ${api.token}`, 'content-type': 'text/plain' }
    expect((await api.call('PATCH', '/api/v2/dags/sales', { headers, body: {} })).body).toMatchObject({ status: 422 })
  })
})

describe('the rest', () => {
  it('shows import errors with file and line', async () => {
    const { body } = await api.call('GET', '/api/v2/importErrors')
    expect(body.import_errors).toMatchObject([
      { filename: 'broken.ts', stack_trace: 'broken.ts:3:7: Unexpected "}"', line: 3 },
    ])
    expect((await api.call('GET', `/api/v2/importErrors/${body.import_errors[0].import_error_id}`)).status).toBe(200)
  })

  it('shows the configuration', async () => {
    const { body } = await api.call('GET', '/api/v2/config/section/api_auth/option/max_failed_logins')
    expect(body).toEqual({ sections: [{ name: 'api_auth', options: [{ key: 'max_failed_logins', value: '3' }] }] })
  })

  it('shows executors and how full they are', async () => {
    await eventually(async () => (await api.call('GET', '/api/v2/executors')).body.executors[0].status === 'healthy')
    expect((await api.call('GET', '/api/v2/executors')).body.executors).toMatchObject([
      {
        name: 'instant',
        class_name: 'InstantExecutor',
        is_default: true,
        is_production: true,
        parallelism: 8,
        open_slots: expect.any(Number) as number,
        reason: null,
        drain: null,
        remarks: [],
        schedulers: [{ status: 'healthy', hostname: 'here', pid: 1 }],
      },
    ])
  })

  it('says that it is healthy', async () => {
    const { body } = await api.call('GET', '/api/v2/monitor/health')
    expect(body).toMatchObject({
      metadatabase: { status: 'healthy' },
      scheduler: { status: 'healthy' },
      triggerer: { status: null },
      executors: { instant: { status: 'healthy' } },
    })
  })

  it('serves metrics', async () => {
    expect((await api.call('GET', '/metrics')).text).toContain('airflow_executor_open_slots')
  })

  it('describes itself as OpenAPI 3.1 with named schemas', async () => {
    const { body } = await api.call('GET', '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths)).toContain('/api/v2/dags/{dag_id}/dagRuns')
    expect(Object.keys(body.components.schemas)).toEqual(
      expect.arrayContaining(['DAGResponse', 'DAGRunResponse', 'TaskInstanceResponse']),
    )
  })

  it('serves only what workers need on the Unix socket', async () => {
    expect((await api.callLocally('GET', '/execution/health')).status).toBe(200)
    expect((await api.callLocally('GET', '/api/v2/monitor/health')).status).toBe(200)
    const headers = { authorization: `Bearer ${api.token}` }
    expect((await api.callLocally('GET', '/api/v2/dags', { headers })).status).toBe(404)
    expect((await api.callLocally('GET', '/execution/../api/v2/dags', { headers })).status).toBe(404)
  })
})
