import { BaseExecutor, type Executor, type ExecutorView } from '@fairlead/executor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiWorld, type ApiWorld } from '../../../../testkit/api-world.ts'
import { chain, dagSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { fakeExecutorHost } from '../../../../testkit/fake-host.ts'
import { NO_LOG } from '../observability/index.ts'
import { mountedViews } from '../processes/executor-additions.ts'
import type { LiveLog } from './api-context.ts'

/** Views of the executor that the world runs its tasks on, asked of an instance that is never started. */
const schema = { type: 'object', properties: { jobs: { type: 'integer' } }, required: ['jobs'] } as const
const VIEWS: readonly ExecutorView[] = [
  { kind: 'page', id: 'queue', title: 'Queue', schema, data: async ({ executor }) => ({ jobs: executor.parallelism }) },
  { kind: 'page', id: 'liar', title: 'Liar', schema, data: async () => ({ jobs: 'many' }) },
  {
    kind: 'page',
    id: 'broken',
    title: 'Broken',
    schema,
    data: async () => {
      throw new Error('the cloud is down')
    },
  },
  {
    kind: 'taskInstance',
    id: 'job',
    title: 'Job',
    schema: { type: 'object', properties: { task: { type: 'string' } } },
    data: async ({ taskInstance }) => ({ task: taskInstance.taskId }),
  },
]

class ShowingExecutor extends BaseExecutor {
  static getUiViews(): readonly ExecutorView[] {
    return VIEWS
  }
  override async executeAsync(): Promise<null> {
    return null
  }
  override async sync(): Promise<void> {}
}
class TwiceExecutor extends ShowingExecutor {
  static override getUiViews(): readonly ExecutorView[] {
    return [...VIEWS, ...VIEWS]
  }
}
class ThrowingExecutor extends ShowingExecutor {
  static override getUiViews(): readonly ExecutorView[] {
    throw new Error('no views today')
  }
}

const loadedOf = (name: string, executorClass: typeof ShowingExecutor) => ({
  name,
  executorClass,
  otherNames: [],
  reference: { kind: 'shortName', shortName: name } as const,
  parallelism: 7,
  settings: {},
})
const idle = {
  loaded: () => undefined,
  executor: (name: string): Executor => new ShowingExecutor(fakeExecutorHost({ name, parallelism: 7 }).host),
}

let api: ApiWorld
let live: LiveLog = { kind: 'file', note: null, isFailure: false }

beforeAll(async () => {
  const executors = [
    loadedOf('instant', ShowingExecutor),
    loadedOf('twice', TwiceExecutor),
    loadedOf('throwing', ThrowingExecutor),
  ]
  api = await openApiWorld({
    executorViews: mountedViews(executors, idle, NO_LOG),
    liveLog: async () => live,
  })
  await api.world.register(dagSpec('sales', chain(2)))
})
afterAll(() => api.close())

const get = (path: string) => api.call('GET', `/api/v2${path}`)

async function startedTask(): Promise<string> {
  const { dag_run_id } = (await api.call('POST', '/api/v2/dags/sales/dagRuns', { body: {} })).body
  const path = `/dags/sales/dagRuns/${encodeURIComponent(dag_run_id)}/taskInstances/t0`
  await eventually(async () => (await get(path)).body.state !== null && (await get(path)).body.queued_when !== null)
  return path
}

describe('views of executors', () => {
  it('are listed with their schema; an executor whose own list fails has none, and the others are served', async () => {
    const { body } = await get('/executorViews')
    expect(body.total_entries).toBe(3)
    expect(body.executor_views[0]).toEqual({
      executor_name: 'instant',
      view_id: 'queue',
      title: 'Queue',
      kind: 'page',
      schema,
    })
  })

  it('answer the data of a page', async () => {
    expect((await get('/executorViews/instant/queue')).body).toMatchObject({ view_id: 'queue', data: { jobs: 7 } })
  })

  it('answer the data of one task instance that is theirs', async () => {
    const path = await startedTask()
    const { body } = await get(`${path}/executorViews`)
    expect(body.executor_views).toMatchObject([{ view_id: 'job', kind: 'task_instance' }])
    expect((await get(`${path}/executorViews/job`)).body.data).toEqual({ task: 't0' })
  })

  it.each([
    ['liar', /"liar" of executor "instant" answers what its own schema refuses: .*expected number/s],
    ['broken', /View "broken" of executor "instant" failed: the cloud is down/],
  ])('that fail are named, as %s', async (id, detail) => {
    const { status, body } = await get(`/executorViews/instant/${id}`)
    expect(status).toBe(502)
    expect(body).toMatchObject({ code: 'EXECUTOR_FAILED', detail: expect.stringMatching(detail) as string })
  })

  it.each(['/executorViews/instant/nothing', '/executorViews/instant/job', '/executorViews/nobody/queue'])(
    'that are not there are not found: %s',
    async (path) => {
      expect((await get(path)).status).toBe(404)
    },
  )
})

describe('the log of a try that its executor streams', () => {
  const logOf = async (stream: LiveLog): Promise<{ content: { event: string }[]; status: number }> => {
    const path = await startedTask()
    live = stream
    const answer = await get(`${path}/logs/1`)
    return { ...answer.body, status: answer.status }
  }
  const streamOf = async function* (
    lines: readonly string[],
    end: 'ends' | 'goes on' | 'breaks',
  ): AsyncGenerator<string> {
    for (const event of lines) yield `${JSON.stringify({ event })}\n`
    if (end === 'goes on') await new Promise(() => undefined)
    if (end === 'breaks') throw new Error('connection reset')
  }

  it('is read to its end', async () => {
    const { content } = await logOf({ kind: 'live', stream: streamOf(['a', 'b'], 'ends') })
    expect(content.map(({ event }) => event)).toEqual(['a', 'b'])
  })

  it('is answered as far as it is, when it goes on', async () => {
    const { content } = await logOf({ kind: 'live', stream: streamOf(['a', 'b'], 'goes on') })
    expect(content.map(({ event }) => event)).toEqual(['a', 'b'])
  })

  it('says where it broke off', async () => {
    const { content } = await logOf({ kind: 'live', stream: streamOf(['a'], 'breaks') })
    expect(content.map(({ event }) => event)).toEqual(['a', "The executor's log broke off: connection reset"])
  })
})
