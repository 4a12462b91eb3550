import { describe, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { superviseTasks } from '../../../testkit/supervised-tasks.ts'
import { identify } from './process-identity.ts'

const tasks = superviseTasks()

describe('a handler', () => {
  it('settles its return value and its success', async () => {
    const { exit, id } = await tasks.run('hello')
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'success', exit: { kind: 'exited', exitCode: 0 } }])
    expect(tasks.api.xcoms.get('hello/return_value')).toEqual({ greeting: 'hello', conf: 'green' })
  })

  it('leaves no value when it returns none', async () => {
    await tasks.run('nothing')
    expect(tasks.api.xcoms.has('nothing/return_value')).toBe(false)
  })

  it('receives upstream values and literals by name', async () => {
    tasks.api.xcoms.set('source/return_value', 40)
    await tasks.run('sum', { inputs: [{ name: 'left', taskId: 'source', key: 'return_value' }] })
    expect(tasks.api.xcoms.get('sum/return_value')).toBe(42)
  })

  it('pushes and pulls values by key while it runs', async () => {
    await tasks.run('push')
    expect(tasks.api.xcoms.get('push/return_value')).toEqual([1])
  })

  it('sends a Date as its ISO text', async () => {
    await tasks.run('returnsDate')
    expect(tasks.api.xcoms.get('returnsDate/return_value')).toEqual({ at: '1970-01-01T00:00:00.000Z' })
  })

  it('inherits no setting of ours and finds no channel to its host', async () => {
    process.env['FAIRLEAD__CORE__SECRET'] = 'x'
    await tasks.run('environment')
    delete process.env['FAIRLEAD__CORE__SECRET']
    const seen = tasks.api.xcoms.get('environment/return_value') as { names: string[]; send: string; argv: number }
    expect(seen).toMatchObject({ send: 'undefined', argv: 2 })
    expect(seen.names.filter((name) => /^(FAIRLEAD__|NODE_(OPTIONS|EXTRA|CHANNEL))/.test(name))).toEqual([])
  })
})

describe('a failure', () => {
  it('carries the error, and asks for a retry only when there is one', async () => {
    const first = await tasks.run('throws')
    expect(first.exit).toEqual({ kind: 'exited', exitCode: 1 })
    expect(tasks.api.states.get(first.id)).toMatchObject([
      { state: 'failed', error: { name: 'RangeError', message: 'no such row' } },
    ])
    tasks.api.shouldRetry = true
    const second = await tasks.run('throws')
    expect(tasks.api.states.get(second.id)).toMatchObject([{ state: 'up_for_retry' }])
  })

  it.each(['fatal', 'failTask'])('is final when the author says so (%s)', async (taskId) => {
    tasks.api.shouldRetry = true
    const { id } = await tasks.run(taskId)
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed' }])
  })

  it('is a skip when the handler asks for one', async () => {
    const { id } = await tasks.run('skips')
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'skipped' }])
  })

  it('names the task whose value cannot travel', async () => {
    const { id } = await tasks.run('returnsMap')
    const message = tasks.api.states.get(id)?.[0]?.error?.message
    expect(message).toContain(
      'Task "returnsMap" returned a value that cannot travel as JSON: "rows" in the value is an instance of Map',
    )
  })

  it('says so when a handler waits for what can never come', async () => {
    const { id } = await tasks.run('neverSettles')
    expect(tasks.api.states.get(id)?.[0]?.error?.name).toBe('NeverSettled')
  })

  it('is the exit code when user code exits by itself', async () => {
    const { exit, id } = await tasks.run('exits')
    expect(exit).toEqual({ kind: 'exited', exitCode: 3 })
    expect(tasks.api.states.get(id)?.[0]?.error?.name).toBe('ProcessExited')
  })
})

describe('a timeout', () => {
  it('ends a task that waits, at once', async () => {
    const { exit, id } = await tasks.run('waits', { executionTimeoutMs: 200 })
    expect(exit).toEqual({ kind: 'timedOut', timeoutMs: 200 })
    expect(tasks.api.states.get(id)).toMatchObject([
      { state: 'failed', exit: { kind: 'timedOut' }, error: { name: 'TaskTimedOut' } },
    ])
  })

  it('lets a task that listens to its signal clean up', async () => {
    const { exit, log } = await tasks.run('polite', { executionTimeoutMs: 200 })
    expect(exit.kind).toBe('timedOut')
    expect(log).toContain('cleaned up')
  })

  it.each(['deaf', 'blocks'])('ends a task that ignores SIGTERM or blocks its event loop (%s)', async (taskId) => {
    const { exit } = await tasks.run(taskId, { executionTimeoutMs: 200 })
    expect(exit).toEqual({ kind: 'timedOut', timeoutMs: 200 })
  })

  it.each(['family', 'daemon'])(
    'ends grandchildren that ignore SIGTERM or left the process group (%s)',
    async (taskId) => {
      const { log } = await tasks.run(taskId, { executionTimeoutMs: 500 })
      const pid = Number(/child (\d+)/.exec(log)?.[1])
      expect(pid).toBeGreaterThan(0)
      expect(identify(pid)).toBeNull()
    },
  )
})

describe('heartbeats', () => {
  it('go on while the task blocks its event loop', async () => {
    const { exit, id } = await tasks.run('blocks', {}, { beatEveryMs: 50 })
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(tasks.api.heartbeats(id)).toBeGreaterThan(5)
  })

  it.each([
    [404, undefined],
    [409, { detail: { reason: 'running_elsewhere', message: 'no' } }],
    [410, { detail: { reason: 'archived', message: 'no' } }],
  ])('that are answered by %i end the task without a report', async (status, body) => {
    tasks.api.intercept = ({ path }) => (path.endsWith('/heartbeat') ? { status, body } : null)
    const { exit, id } = await tasks.run('waits', {}, { beatEveryMs: 50 })
    expect(exit).toEqual({ kind: 'superseded' })
    expect(tasks.api.states.has(id)).toBe(false)
  })

  it('that find no server do not end the task', async () => {
    tasks.api.intercept = ({ path }) => (path.endsWith('/heartbeat') ? { drop: true } : null)
    const { exit } = await tasks.run('blocks', {}, { beatEveryMs: 50 })
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
  })
})

describe('a launch', () => {
  it('that the server refuses as another runner never starts', async () => {
    const detail = { reason: 'incompatible_runner', message: 'wants contract 2, has 1' }
    tasks.api.intercept = ({ path }) => (path.endsWith('/run') ? { status: 409, body: { detail } } : null)
    const { exit } = await tasks.run('hello')
    expect(exit).toEqual({ kind: 'neverStarted', detail: expect.stringContaining('wants contract 2') })
  })

  it('of a superseded dispatch ends quietly', async () => {
    tasks.api.intercept = ({ path }) => (path.endsWith('/run') ? { status: 410 } : null)
    expect((await tasks.run('hello')).exit).toEqual({ kind: 'superseded' })
  })

  it('repeats a lost answer with the same nonce', async () => {
    let isFirst = true
    tasks.api.intercept = ({ path }) => {
      if (!path.endsWith('/run') || !isFirst) return null
      isFirst = false
      return { drop: true }
    }
    expect((await tasks.run('hello')).exit).toEqual({ kind: 'exited', exitCode: 0 })
    const nonces = tasks.api.requests.filter(({ path }) => path.endsWith('/run')).map(({ nonce }) => nonce)
    expect(nonces).toHaveLength(2)
    expect(new Set(nonces).size).toBe(1)
  })
})

describe('an outage of the API', () => {
  it('delays the report of the outcome, and loses nothing', async () => {
    const running = tasks.run('blocks')
    await eventually(() => tasks.api.requests.some(({ path }) => path.endsWith('/run')))
    await tasks.api.goDown()
    await eventually(() => tasks.lastLog().includes('"task ended"'))
    await tasks.api.comeUp()
    const { exit, id } = await running
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'success' }])
    expect(tasks.api.xcoms.get('blocks/return_value')).toBe('done')
  })

  it('counts a report as told when its answer was lost and the repeat is refused', async () => {
    let isFirst = true
    tasks.api.intercept = ({ path }) => {
      if (!path.endsWith('/state') || !isFirst) return null
      isFirst = false
      return { status: 503 }
    }
    const { id } = await tasks.run('hello')
    expect(tasks.api.states.get(id)).toHaveLength(1)
  })
})
