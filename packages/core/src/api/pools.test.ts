import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type ApiWorld } from '../../../../testkit/api-world.ts'
import { dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'

let api: ApiWorld

beforeAll(async () => {
  api = await openApiWorld()
  const limits = { pool: 'warehouse', poolSlots: 2, weightRule: 'upstream' } as const
  const nowhere = { pool: 'nowhere', executor: 'nobody' }
  await api.world.register(dagSpec('sales', [taskSpec('load', limits), taskSpec('lost', nowhere)]))
})
afterAll(() => api.close())

const get = async (path: string) => (await api.call('GET', `/api/v2${path}`)).body as Record<string, unknown>
const send = (method: string, path: string, body?: unknown) =>
  api.call(method, `/api/v2${path}`, body === undefined ? {} : { body })

describe('pools', () => {
  it('begin with the default one, of as many slots as the configuration says', async () => {
    expect(await get('/pools')).toEqual({
      pools: [expect.objectContaining({ name: 'default_pool', slots: 128, open_slots: 128 })],
      total_entries: 1,
    })
  })

  it('are created, with everything that Airflow shows', async () => {
    const { status, body } = await send('POST', '/pools', { name: 'warehouse', slots: 3, description: 'of rows' })
    expect(status).toBe(201)
    expect(body).toEqual({
      name: 'warehouse',
      slots: 3,
      description: 'of rows',
      include_deferred: false,
      occupied_slots: 0,
      running_slots: 0,
      queued_slots: 0,
      scheduled_slots: 0,
      open_slots: 3,
      deferred_slots: 0,
      team_name: null,
    })
    expect(await get('/pools/warehouse')).toEqual(body)
    expect((await send('POST', '/pools', { name: 'warehouse', slots: 1 })).status).toBe(409)
  })

  it('are listed by a pattern, in an order, page by page', async () => {
    const names = async (query: string) =>
      ((await get(`/pools?${query}`))['pools'] as { name: string }[]).map(({ name }) => name)
    expect(await names('order_by=-name')).toEqual(['warehouse', 'default_pool'])
    expect(await names('pool_name_pattern=WARE%25')).toEqual(['warehouse'])
    expect(await names('limit=1&offset=1')).toEqual(['warehouse'])
    expect((await send('GET', '/pools?order_by=colour')).status).toBe(400)
  })

  it('change in what is named, and in nothing that the mask leaves out', async () => {
    const masked = await send('PATCH', '/pools/warehouse?update_mask=slots', { slots: 4, description: 'ignored' })
    expect(masked.body).toMatchObject({ slots: 4, description: 'of rows' })
    const whole = await send('PATCH', '/pools/warehouse', { slots: -1, description: null, include_deferred: true })
    expect(whole.body).toMatchObject({ slots: -1, open_slots: -1, description: null, include_deferred: true })
    await send('PATCH', '/pools/warehouse', { slots: 4 })
  })

  it.each([
    ['of a name that is taken by nobody', 'PATCH', '/pools/nobody', { slots: 1 }, 404],
    ['under another name', 'PATCH', '/pools/warehouse', { pool: 'other' }, 400],
    ['with a mask of unknown fields', 'PATCH', '/pools/warehouse?update_mask=colour', { slots: 1 }, 400],
    ['with fewer than no slots', 'POST', '/pools', { name: 'x', slots: -2 }, 422],
    ['with a field that nobody knows', 'POST', '/pools', { name: 'x', slots: 1, colour: 'red' }, 422],
  ])('are not changed %s', async (_what, method, path, body, status) => {
    expect((await send(method, path, body)).status).toBe(status)
  })

  it('count what is scheduled, and show in tasks and task instances', async () => {
    await send('POST', '/pools', { name: 'nowhere', slots: 1 })
    await send('POST', '/dags/sales/dagRuns', { dag_run_id: 'one' })
    expect(await get('/dags/sales/tasks/load')).toMatchObject({
      pool: 'warehouse',
      pool_slots: 2,
      weight_rule: 'upstream',
    })
    expect(await get('/dags/sales/dagRuns/one/taskInstances/load')).toMatchObject({ pool: 'warehouse', pool_slots: 2 })
    const listed = await get('/dags/sales/dagRuns/one/taskInstances?pool=nowhere')
    expect(listed['task_instances']).toEqual([expect.objectContaining({ task_id: 'lost' })])
  })

  it('are deleted, but not the default one', async () => {
    expect((await send('DELETE', '/pools/nowhere')).status).toBe(204)
    expect((await send('DELETE', '/pools/nowhere')).status).toBe(404)
    const refused = await send('DELETE', '/pools/default_pool')
    expect(refused.status).toBe(400)
    expect(refused.body).toMatchObject({ detail: expect.stringContaining('default_pool') as string })
  })

  it('leave every change in the audit log, with who made it', async () => {
    const { read } = api.world.database
    const rows = await read
      .selectFrom('audit_log')
      .select(['event', 'actor', 'detail'])
      .where('event', 'like', 'pool.%')
      .orderBy('seq')
      .execute()
    expect(rows.map(({ event }) => event)).toEqual([
      'pool.created',
      'pool.updated',
      'pool.updated',
      'pool.updated',
      'pool.created',
      'pool.deleted',
    ])
    expect(new Set(rows.map(({ actor }) => actor))).not.toContain('')
    expect(JSON.parse(rows[1]?.detail ?? '')).toMatchObject({
      pool: 'warehouse',
      before: { slots: 3 },
      after: { slots: 4 },
    })
  })
})
