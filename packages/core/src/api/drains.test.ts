import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type Answer, type ApiWorld } from '../../../../testkit/api-world.ts'
import { eventually } from '../../../../testkit/eventually.ts'

let api: ApiWorld

beforeAll(async () => {
  api = await openApiWorld({ names: ['near', 'far'] })
  // What the API knows of executors comes from the schedulers that have them.
  await eventually(async () => {
    const { body } = await api.call('GET', '/api/v2/executors')
    return body.executors.every((one: { status: string }) => one.status === 'healthy')
  })
})
afterAll(() => api.close())
afterEach(async () => {
  for (const name of ['near', 'far']) await api.call('DELETE', pathOf(name))
})

const pathOf = (name: string): string => `/api/v2/executors/${name}/drain`
const drain = (name: string, body: object = {}): Promise<Answer> => api.call('POST', pathOf(name), { body })

/** Everything that an answer says, as it is read. */
const said = (answer: Answer): string => answer.text.replaceAll('\\"', '"')

describe('a drain over the API', () => {
  it('is ordered, read and ended, each on the record', async () => {
    expect((await drain('near', { to: 'far' })).status).toBe(200)
    const { status, body } = await api.call('GET', pathOf('near'))
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ executor: 'near', to: 'far', move_running: false, force: false, moved: 0 }),
    ])
    const ended = await api.call('DELETE', pathOf('near'))
    expect([ended.status, ended.text]).toEqual([204, ''])
    const rows = await api.world.database.read
      .selectFrom('audit_log')
      .select(['event', 'actor'])
      .where('event', 'like', 'executor.%drain')
      .execute()
    expect(rows).toEqual([
      { event: 'executor.drain', actor: 'ada' },
      { event: 'executor.undrain', actor: 'ada' },
    ])
  })

  it('of what drains already changes where its work goes, and goes on since the first order', async () => {
    const first = await drain('near')
    const second = await drain('near', { to: 'far', move_running: true })
    expect(second.status).toBe(200)
    expect(second.body).toMatchObject({ to: 'far', move_running: true, since: first.body.since })
  })

  it.each<[string, string, object, number, string]>([
    ['of an executor that nobody has', 'nowhere', {}, 404, '"nowhere"'],
    ['to an executor that nobody has', 'near', { to: 'nowhere' }, 422, 'There is no executor "nowhere"'],
    ['to itself', 'near', { to: 'near' }, 422, 'Executor "near" cannot be drained to itself.'],
    ['with a field that nobody knows', 'near', { target: 'far' }, 422, 'target'],
    ['with a target that is no name', 'near', { to: 7 }, 422, 'to'],
  ])('is refused %s, and nothing drains', async (_what, name, body, status, words) => {
    const answer = await drain(name, body)
    expect(answer.status).toBe(status)
    expect(said(answer)).toContain(words)
    expect(await api.world.database.read.selectFrom('executor_drain').selectAll().execute()).toEqual([])
  })

  it('that is refused for a name says which names there are', async () => {
    for (const answer of [
      await drain('nowhere'),
      await drain('near', { to: 'nowhere' }),
      await drain('near', { to: 'near' }),
    ])
      expect(said(answer)).toContain('Known ones: near, far.')
  })

  it('to an executor that is draining is refused with the way out', async () => {
    await drain('far')
    const answer = await drain('near', { to: 'far' })
    expect(answer.status).toBe(409)
    expect(said(answer)).toContain('Executor "far" is draining itself.')
    expect(said(answer)).toContain('fairlead executors undrain far')
    expect((await api.call('GET', pathOf('near'))).status).toBe(404)
  })

  it.each(['GET', 'DELETE'])('cannot be asked for with %s where there is none', async (method) => {
    const answer = await api.call(method, pathOf('near'))
    expect(answer.status).toBe(404)
    expect(said(answer)).toContain('near')
  })

  it('needs a token', async () => {
    const answer = await api.call('POST', pathOf('near'), { body: {}, headers: {} })
    expect(answer.status).toBe(401)
  })
})
