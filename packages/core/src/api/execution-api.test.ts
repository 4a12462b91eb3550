import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DispatchId, TaskInstanceId } from '@fairlead/protocol'
import { openApiWorld, type ApiWorld, type Answer } from '../../../../testkit/api-world.ts'
import { chain, dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'

let api: ApiWorld

beforeAll(async () => {
  api = await openApiWorld({ slots: 1000 })
  const retry = { retries: 1, delayMs: 1, backoff: 1, maxDelayMs: 1, jitter: 0 }
  await api.world.register(
    dagSpec('work', [...chain(2), taskSpec('flaky', { retry })], { maxActiveTasks: 100, maxActiveRuns: 1000 }),
  )
})
afterAll(() => api.close())

interface Attempt {
  readonly runId: string
  readonly taskId: string
  readonly id: TaskInstanceId
  readonly dispatchId: DispatchId
  readonly ticket: string
}

/** A queued attempt of task `t0` of a new run, with its launch ticket. */
async function queued(taskId = 't0'): Promise<Attempt> {
  const runId = await api.world.trigger('work')
  return attemptOf(runId, taskId)
}

async function attemptOf(runId: string, taskId: string): Promise<Attempt> {
  const row = await eventually(async () => {
    const found = await api.world.database.read
      .selectFrom('task_instance')
      .select(['id', 'dispatch_id', 'state'])
      .where('run_id', '=', runId)
      .where('task_id', '=', taskId)
      .executeTakeFirst()
    return found?.state === 'queued' ? found : null
  })
  const subject = { taskInstanceId: row.id as TaskInstanceId, dispatchId: row.dispatch_id as DispatchId }
  const ticket = await api.executionTokens.createTicket(subject)
  return { runId, taskId, id: subject.taskInstanceId, dispatchId: subject.dispatchId, ticket }
}

const call = (method: string, path: string, token: string | null, body?: unknown, headers = {}): Promise<Answer> =>
  api.callLocally(method, `/execution${path}`, {
    body,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
  })

const WORKER = { state: 'running', hostname: 'here', unixname: 'me', pid: 7, start_date: '2026-01-01T00:00:00Z' }
const start = ({ id, ticket }: Attempt, headers: Record<string, string> = { 'fairlead-nonce': 'n' }, worker = WORKER) =>
  call('PATCH', `/task-instances/${id}/run`, ticket, worker, headers)
const settle = (id: string, token: string, state: string, more = {}) =>
  call('PATCH', `/task-instances/${id}/state`, token, { state, end_date: '2026-01-01T00:00:01Z', ...more })
const beat = (id: string, token: string, pid = 7) =>
  call('PUT', `/task-instances/${id}/heartbeat`, token, { hostname: 'here', pid })
const xcom = (attempt: Attempt, key: string) =>
  `/xcoms/work/${encodeURIComponent(attempt.runId)}/${attempt.taskId}/${encodeURIComponent(key)}`

async function running(taskId = 't0'): Promise<Attempt & { readonly session: string }> {
  const attempt = await queued(taskId)
  const answer = await start(attempt)
  expect(answer.status).toBe(200)
  return { ...attempt, session: String(answer.headers['refreshed-api-token']) }
}

describe('a worker', () => {
  it('exchanges its ticket for a session and learns of its run', async () => {
    const attempt = await queued()
    const { status, body, headers } = await start(attempt)
    expect(status).toBe(200)
    expect(headers['refreshed-api-token']).toMatch(/^ey/)
    expect(body).toMatchObject({
      dag_run: { dag_id: 'work', run_id: attempt.runId, conf: {} },
      max_tries: 0,
      should_retry: false,
    })
  })

  it('may ask again with the same nonce, and no other may', async () => {
    const attempt = await queued()
    await start(attempt)
    expect((await start(attempt)).status).toBe(200)
    const other = await start(attempt, { 'fairlead-nonce': 'other' })
    expect(other.status).toBe(409)
    expect(other.body.detail).toMatchObject({ reason: 'running_elsewhere', previous_state: 'running' })
  })

  it('of another contract version is refused, naming both', async () => {
    const answer = await start(await queued(), { 'fairlead-runner-contract': '99' })
    expect(answer.status).toBe(409)
    expect(answer.body.detail).toMatchObject({
      reason: 'incompatible_runner',
      message: expect.stringMatching(/99.*1/) as string,
    })
  })

  it('keeps its attempt alive, and is told when it is not its own', async () => {
    const { id, session } = await running()
    expect((await beat(id, session)).status).toBe(204)
    expect((await beat(id, session, 8)).body.detail).toMatchObject({ reason: 'running_elsewhere' })
  })

  it('settles once; a repeat of the same word is quiet and another one refused', async () => {
    const { id, session, runId } = await running()
    expect((await settle(id, session, 'success')).status).toBe(204)
    expect((await settle(id, session, 'success')).status).toBe(204)
    const late = await settle(id, session, 'failed')
    expect(late.status).toBe(409)
    expect(late.body.detail).toMatchObject({ reason: 'not_running', previous_state: 'success' })
    expect((await beat(id, session)).status).toBe(409)
    expect((await api.world.transitions(runId, 't0')).at(-1)).toBe('success')
  })

  it('of an ended try is told that it is archived', async () => {
    const { id, session } = await running('flaky')
    const error = { name: 'Error', message: 'no', stack: null }
    expect((await settle(id, session, 'up_for_retry', { error, exit: { kind: 'exited', exitCode: 1 } })).status).toBe(
      204,
    )
    expect((await beat(id, session)).status).toBe(410)
    expect((await settle(id, session, 'success')).body.detail.reason).toBe('archived')
  })

  it('has many outcomes accepted at once', async () => {
    const attempts = await Promise.all(Array.from({ length: 4 }, () => running()))
    const answers = await Promise.all(attempts.map(({ id, session }) => settle(id, session, 'success')))
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204])
  })
})

describe('tokens', () => {
  it.each([
    ['none', () => null, 401, 'missing_token'],
    ['one of the REST API', () => api.token, 403, 'invalid_token'],
    ['rubbish', () => 'rubbish', 403, 'invalid_token'],
  ])('%s is refused', async (_, token, status, reason) => {
    const { id } = await queued()
    const answer = await call('PUT', `/task-instances/${id}/heartbeat`, token(), { hostname: 'here', pid: 7 })
    expect(answer.status).toBe(status)
    expect(answer.body.detail.reason).toBe(reason)
  })

  it('speak for one task instance', async () => {
    const [mine, theirs] = [await running(), await running()]
    expect((await beat(theirs.id, mine.session)).body.detail.reason).toBe('wrong_task_instance')
  })

  it('of a session that ran out are good and renewed while the attempt is the current one, and no longer', async () => {
    const { id, dispatchId } = await running()
    const late = await api.expiredTokens.createSession({ taskInstanceId: id, dispatchId })
    const { status, headers } = await beat(id, late)
    expect(status).toBe(204)
    expect(headers['refreshed-api-token']).toMatch(/^ey/)
    expect((await settle(id, late, 'success')).status).toBe(204)
    expect((await beat(id, late)).body.detail.reason).toBe('not_running')
  })

  it('of a ticket that ran out start nothing', async () => {
    const attempt = await queued()
    const ticket = await api.expiredTokens.createTicket({ taskInstanceId: attempt.id, dispatchId: attempt.dispatchId })
    expect((await start({ ...attempt, ticket })).body.detail.reason).toBe('expired_token')
  })

  it('of a ticket open nothing but the start', async () => {
    const { id, ticket } = await queued()
    expect((await settle(id, ticket, 'success')).body.detail.reason).toBe('wrong_scope')
  })

  it('of a session do not start', async () => {
    const { id, session } = await running()
    expect((await call('PATCH', `/task-instances/${id}/run`, session, WORKER)).body.detail.reason).toBe('wrong_scope')
  })

  it('of an older hand-over are superseded', async () => {
    const { id, taskId, runId } = await queued()
    const dispatchId = '01890000-0000-7000-8000-000000000002' as DispatchId
    const ticket = await api.executionTokens.createTicket({ taskInstanceId: id, dispatchId })
    expect((await start({ id, dispatchId, ticket, taskId, runId })).body.detail.reason).toBe('superseded')
  })
})

describe('XComs', () => {
  it.each([
    ['text', 'a "word"'],
    ['nothing', null],
    ['a number', 3.5],
    ['a list', [1, { deep: 'ü' }]],
    ['the key of a prototype', { ['__proto__x']: 1 }],
  ])('hand on %s unchanged', async (name, value) => {
    const attempt = await running()
    expect((await call('POST', xcom(attempt, name), attempt.session, value)).status).toBe(201)
    expect((await call('GET', xcom(attempt, name), attempt.session)).body).toEqual({ key: name, value })
  })

  it('are overwritten, removed, and missed by name', async () => {
    const attempt = await running()
    await call('POST', xcom(attempt, 'k'), attempt.session, 1)
    await call('POST', xcom(attempt, 'k'), attempt.session, 2)
    expect((await call('GET', xcom(attempt, 'k'), attempt.session)).body.value).toBe(2)
    expect((await call('DELETE', xcom(attempt, 'k'), attempt.session)).status).toBe(200)
    const missing = await call('GET', xcom(attempt, 'k'), attempt.session)
    expect(missing.status).toBe(404)
    expect(missing.body.detail.message).toContain('"k"')
  })

  it('are gone when the task is tried again', async () => {
    const first = await running('flaky')
    await call('POST', xcom(first, 'k'), first.session, 'of try 1')
    const other = await running()
    await call('POST', xcom(other, 'k'), other.session, 'of another')
    await settle(first.id, first.session, 'up_for_retry')
    const again = await attemptOf(first.runId, 'flaky')
    const { headers, body } = await start(again)
    expect(body.xcom_keys_to_clear).toEqual([])
    const session = String(headers['refreshed-api-token'])
    expect((await call('GET', xcom(again, 'k'), session)).status).toBe(404)
    expect((await call('GET', xcom(other, 'k'), session)).body.value).toBe('of another')
  })

  it('are written only by the task itself while it runs', async () => {
    const [mine, other] = [await running(), await running()]
    expect((await call('POST', xcom(other, 'k'), mine.session, 1)).status).toBe(403)
    await settle(mine.id, mine.session, 'success')
    expect((await call('POST', xcom(mine, 'k'), mine.session, 1)).body.detail.reason).toBe('not_running')
  })
})

describe('bad requests', () => {
  it.each([
    ['a body that lacks fields', { state: 'success' }, 422],
    ['a state that is none', { state: 'perfect', end_date: '2026-01-01T00:00:00Z' }, 422],
    ['a date that is none', { state: 'success', end_date: 'yesterday' }, 422],
  ])('%s is refused', async (_, body, status) => {
    const { id, session } = await running()
    const answer = await call('PATCH', `/task-instances/${id}/state`, session, body)
    expect(answer.status).toBe(status)
    expect(answer.body.detail.reason).toBe('invalid_body')
  })

  it('a value larger than its limit is refused, and one larger than what the REST API takes is not', async () => {
    const attempt = await running()
    const accepted = await call('POST', xcom(attempt, 'large'), attempt.session, 'x'.repeat(2_000_000))
    expect(accepted.status).toBe(201)
    const answer = await call('POST', xcom(attempt, 'big'), attempt.session, 'x'.repeat(17_000_000))
    expect(answer.status).toBe(413)
  })
})

describe('metrics', () => {
  it('count each committed move once, with how long things took', async () => {
    const before = await finished()
    const { id, session } = await running()
    await settle(id, session, 'success')
    await settle(id, session, 'success')
    expect(await finished()).toBe(before + 1)
    expect((await api.call('GET', '/metrics')).text).toMatch(/airflow_executor_open_slots{executor="instant"} \d+/)
  })

  const finished = async () => {
    const { text } = await api.call('GET', '/metrics')
    return Number(/airflow_ti_finish{dag_id="work",state="success"} (\d+)/.exec(text)?.[1] ?? 0)
  }
})
