import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type ApiWorld } from '../../../../testkit/api-world.ts'
import { chain, dagSpec } from '../../../../testkit/dag-specs.ts'
import { logPathOf } from '../dispatch/log-path.ts'

let api: ApiWorld

beforeAll(async () => {
  api = await openApiWorld()
  await api.world.register(dagSpec('sales', chain(3)))
})
afterAll(() => api.close())

const startRun = async (dagId = 'sales', body: unknown = {}) => {
  const answer = await api.call('POST', `/api/v2/dags/${dagId}/dagRuns`, { body })
  return answer.body as { dag_run_id: string }
}

const taskPath = (run: { dag_run_id: string }, taskId: string) =>
  `/api/v2/dags/sales/dagRuns/${encodeURIComponent(run.dag_run_id)}/taskInstances/${taskId}`

describe('logs', () => {
  const writeLog = async () => {
    const run = await startRun()
    const file = join(
      api.config.paths.logs,
      logPathOf({ dagId: 'sales', runId: run.dag_run_id, taskId: 't0', mapIndex: -1, tryNumber: 1 }),
    )
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '{"timestamp":"2026-01-01T00:00:00Z","level":"info","event":"one"}\nnot json\n{"event":"cut')
    return { run, file, path: `${taskPath(run, 't0')}/logs/1` }
  }

  it('come in pages while the task goes on, without its unfinished line', async () => {
    const { path, file } = await writeLog()
    const first = (
      await api.call('GET', path, { headers: { authorization: `Bearer ${api.token}`, accept: 'application/json' } })
    ).body
    expect(first.content).toEqual([
      { timestamp: '2026-01-01T00:00:00Z', level: 'info', event: 'one' },
      { event: 'not json' },
    ])
    appendFileSync(file, ' short"}\n')
    const next = await api.call('GET', `${path}?token=${first.continuation_token}`)
    expect(next.body.content).toEqual([{ event: 'cut short' }])
  })

  it('are followed until the task ends', async () => {
    const { path, file, run } = await writeLog()
    const following = api.call('GET', `${path}?follow=true`)
    appendFileSync(file, ' short"}\n')
    const { database } = api.world
    appendFileSync(file, '{"event":"last"}')
    await database.transaction(({ query }) =>
      query
        .updateTable('task_instance')
        .set({ state: 'failed' })
        .where('run_id', '=', run.dag_run_id)
        .where('task_id', '=', 't0')
        .execute(),
    )
    const { text, headers } = await following
    expect(headers['content-type']).toBe('application/x-ndjson')
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { event: string }).event),
    ).toEqual(['one', 'not json', 'cut short', 'last'])
  })

  it('of a task that never started are not there', async () => {
    const run = await startRun()
    expect((await api.call('GET', `${taskPath(run, 't2')}/logs/1`)).status).toBe(404)
  })

  it('refuse a continuation token that is none', async () => {
    const { path } = await writeLog()
    expect((await api.call('GET', `${path}?token=xyz`)).body).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
  })
})
