import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DispatchId, TaskInstanceId } from '@fairlead/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type Answer, type ApiWorld } from '../../../../testkit/api-world.ts'
import { chain, dagSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { openKeyring } from './vault/keyring.ts'
import { openVault } from './vault/vault.ts'

let api: ApiWorld

beforeAll(async () => {
  api = await openApiWorld({ slots: 10 })
  await api.world.register(dagSpec('work', chain(1)))
})
afterAll(() => api.close())

const rest = (method: string, path: string, body?: unknown): Promise<Answer> =>
  api.call(method, `/api/v2${path}`, { body, headers: { authorization: `Bearer ${api.token}` } })

async function runningTask(): Promise<(method: string, path: string, body?: unknown) => Promise<Answer>> {
  const runId = await api.world.trigger('work')
  const row = await eventually(() =>
    api.world.database.read
      .selectFrom('task_instance')
      .select(['id', 'dispatch_id'])
      .where('run_id', '=', runId)
      .where('state', '=', 'queued')
      .executeTakeFirst(),
  )
  const subject = { taskInstanceId: row.id as TaskInstanceId, dispatchId: row.dispatch_id as DispatchId }
  const ticket = await api.executionTokens.createTicket(subject)
  const call = (method: string, path: string, token: string, body?: unknown): Promise<Answer> =>
    api.callLocally(method, `/execution${path}`, {
      body,
      headers: { authorization: `Bearer ${token}`, 'fairlead-nonce': 'n' },
    })
  const worker = { state: 'running', hostname: 'here', unixname: 'me', pid: 7, start_date: '2026-01-01T00:00:00Z' }
  const started = await call('PATCH', `/task-instances/${row.id}/run`, ticket, worker)
  const session = String(started.headers['refreshed-api-token'])
  return (method, path, body) => call(method, path, session, body)
}

const events = async (event: string): Promise<string[]> => {
  const rows = await api.world.database.read
    .selectFrom('audit_log')
    .select(['actor', 'detail'])
    .where('event', '=', event)
    .execute()
  return rows.map(({ actor, detail }) => `${actor} ${detail}`)
}

describe('a variable', () => {
  it('is created, read, listed, changed and deleted, each change audited by name', async () => {
    const created = await rest('POST', '/variables', { key: 'plan', value: { steps: 3 }, description: 'how' })
    const plan = { key: 'plan', value: '{"steps":3}', description: 'how', is_encrypted: true, team_name: null }
    expect([created.status, created.body]).toEqual([201, plan])
    expect((await rest('GET', '/variables/plan')).body).toEqual(plan)
    expect((await rest('POST', '/variables', { key: 'plan', value: 'x' })).status).toBe(409)
    expect((await rest('PATCH', '/variables/plan', { key: 'plan', value: 'simple' })).body).toMatchObject({
      value: 'simple',
      description: 'how',
    })
    expect((await rest('GET', '/variables?variable_key_pattern=pl%25')).body).toMatchObject({ total_entries: 1 })
    expect((await rest('DELETE', '/variables/plan')).status).toBe(204)
    expect((await rest('GET', '/variables/plan')).status).toBe(404)
    expect((await rest('DELETE', '/variables/plan')).status).toBe(404)
    expect(await events('variable.set')).toEqual(['ada {"key":"plan"}', 'ada {"key":"plan"}'])
    expect(await events('variable.deleted')).toEqual(['ada {"key":"plan"}'])
  })

  it('with a sensitive name is masked, survives being sent back masked, and can be revealed on the record', async () => {
    await rest('POST', '/variables', { key: 'api_token', value: 's3same' })
    await rest('POST', '/variables', { key: 'settings', value: { password: 's3same', retries: 2 } })
    const list = await rest('GET', '/variables')
    expect(list.text).not.toContain('s3same')
    expect((await rest('GET', '/variables/settings')).body.value).toBe('{"password":"***","retries":2}')
    await rest('PATCH', '/variables/api_token', { value: '***', description: 'still the same' })
    const revealed = await rest('GET', '/variables/api_token?reveal=true')
    expect(revealed.body).toMatchObject({ value: 's3same', description: 'still the same' })
    expect(await events('secret.revealed')).toEqual(['ada {"variable":"api_token"}'])
  })

  it('keeps both of two changes that come at once', async () => {
    await rest('POST', '/variables', { key: 'shared', value: 'v', description: 'd' })
    for (let round = 0; round < 10; round += 1) {
      const [value, description] = [`v${round}`, `d${round}`]
      await Promise.all([
        rest('PATCH', '/variables/shared', { value }),
        rest('PATCH', '/variables/shared', { description }),
      ])
      expect((await rest('GET', '/variables/shared')).body).toMatchObject({ value, description })
    }
    const created = await Promise.all(['one', 'two'].map((value) => rest('POST', '/variables', { key: 'once', value })))
    expect(created.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409])
    await rest('DELETE', '/variables/shared')
    await rest('DELETE', '/variables/once')
  })
})

describe('a connection', () => {
  const body = {
    connection_id: 'db',
    conn_type: 'postgres',
    host: 'db.example',
    login: 'ada',
    password: 's3same',
    port: 5432,
    extra: '{"sslmode":"require","api_key":"k3y"}',
  }

  it('is created, read masked, changed field by field and deleted', async () => {
    const created = await rest('POST', '/connections', body)
    expect(created.status).toBe(201)
    expect(created.text).not.toMatch(/s3same|k3y/)
    expect((await rest('POST', '/connections', body)).status).toBe(409)
    await rest('PATCH', '/connections/db', { host: 'other.example', password: '***', extra: created.body.extra })
    expect((await rest('GET', '/connections')).body).toMatchObject({
      total_entries: 1,
      connections: [{ connection_id: 'db', host: 'other.example', password: '***', schema: null }],
    })
    expect((await rest('GET', '/connections/db?reveal=true')).body).toMatchObject({ ...body, host: 'other.example' })
    expect((await rest('PATCH', '/connections/db', { password: null })).body.password).toBe(null)
    expect((await rest('DELETE', '/connections/db')).status).toBe(204)
    expect((await rest('GET', '/connections/db')).status).toBe(404)
  })

  it.each([
    [{ ...body, connection_id: 'with space' }, /letters, digits/],
    [{ ...body, extra: '[1]' }, /JSON object/],
    [{ ...body, port: 70_000 }, /65535/],
    [{ ...body, colour: 'red' }, /colour/],
  ])('that makes no sense is refused', async (wrong, why) => {
    const answer = await rest('POST', '/connections', wrong)
    expect(answer.status).toBe(422)
    expect(answer.text).toMatch(why)
    expect(answer.text).not.toContain('s3same')
  })
})

describe('a task', () => {
  it('reads variables and connections in plain text, and writes variables in its own name', async () => {
    await rest('POST', '/connections', { connection_id: 'http', conn_type: 'http', password: 'word' })
    const call = await runningTask()
    expect((await call('PUT', '/variables/note', { val: 'from a task' })).status).toBe(201)
    expect((await call('GET', '/variables/note')).body).toEqual({ key: 'note', value: 'from a task' })
    expect((await call('GET', '/connections/http')).body).toMatchObject({
      conn_id: 'http',
      password: 'word',
      extra: null,
    })
    expect((await call('GET', '/connections/none')).body).toMatchObject({ detail: { reason: 'not_found' } })
    expect((await call('DELETE', '/variables/note')).status).toBe(204)
    expect((await call('GET', '/variables/note')).status).toBe(404)
    expect(await events('variable.set')).toContainEqual(expect.stringMatching(/^task:work\.t0@\S+ \{"key":"note"\}$/))
  })

  it('needs its session', async () => {
    for (const path of ['/variables/api_token', '/connections/http']) {
      expect((await api.callLocally('GET', `/execution${path}`)).status).toBe(401)
      expect((await api.call('GET', `/execution${path}`)).status).toBe(403)
    }
  })
})

describe('secrets at rest', () => {
  const stored = async (): Promise<string> => {
    const variables = await api.world.database.read.selectFrom('variable').selectAll().execute()
    return JSON.stringify(variables)
  }

  it('are encrypted, each for its own place', async () => {
    await rest('POST', '/variables', { key: 'one', value: 'plain words' })
    await rest('POST', '/variables', { key: 'two', value: 'plain words' })
    expect(await stored()).not.toContain('plain words')
    const from = api.world.database.read.selectFrom('variable').select('value').where('variable_key', '=', 'one')
    const { value } = await from.executeTakeFirstOrThrow()
    await api.world.database.transaction(({ query }) =>
      query.updateTable('variable').set({ value }).where('variable_key', '=', 'two').execute(),
    )
    const moved = await rest('GET', '/variables/two')
    expect([moved.status, moved.body.detail]).toEqual([409, expect.stringMatching(/"two".*damaged or moved/)])
    expect((await rest('GET', '/variables')).body.variables).toContainEqual(
      expect.objectContaining({ key: 'two', value: '***' }),
    )
    const call = await runningTask()
    expect((await call('GET', '/variables/two')).body).toMatchObject({ detail: { reason: 'unreadable' } })
    await rest('DELETE', '/variables/two')
  })

  it('come under a new key by a rotation, and the file of keys stays private', async () => {
    const before = await stored()
    const rotated = await rest('POST', '/encryptionKey/rotate')
    expect(rotated.body).toMatchObject({ key_id: expect.stringMatching(/^[0-9a-f]{8}$/), connections: 1 })
    const after = await stored()
    expect(after).not.toBe(before)
    expect((await rest('GET', '/variables/one')).body.value).toBe('plain words')
    const path = join(api.config.paths.keys, 'encryption-keys')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2)
  })
})

describe('a vault', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fl-vault-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const vaultOf = (configured = '') => openVault(openKeyring({ configured, keysFolder: folder }))

  it('notices the key that another process has rotated in', () => {
    const [one, two] = [vaultOf(), vaultOf()]
    two.rotate()
    const sealed = two.seal('word', 'a')
    expect(one.open(sealed, 'a')).toBe('word')
    expect(one.seal('word', 'a').split('.')[1]).toBe(sealed.split('.')[1])
  })

  it('takes keys from configuration, names the missing one, and refuses what is none', () => {
    const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64')
    const sealed = vaultOf(`${key(1)},${key(2)}`).seal('word', 'a')
    const reordered = vaultOf(`${key(2)},${key(1)}`)
    expect(reordered.open(sealed, 'a')).toBe('word')
    expect(reordered.seal('word', 'a').split('.')[1]).toBe(reordered.rotate())
    expect(() => vaultOf(key(3)).open(sealed, 'a')).toThrow(/key [0-9a-f]{8}, which is not in .*encryption_keys/)
    expect(() => vaultOf('c2hvcnQ=')).toThrow(/Key 1 .* has 5 bytes, not 32/)
  })

  it('refuses a file without keys, which would lock every secret away unnoticed', () => {
    writeFileSync(join(folder, 'encryption-keys'), 'broken\n', { mode: 0o600 })
    expect(() => vaultOf()).toThrow(/has \d+ bytes, not 32/)
  })
})
