import { expect, it } from 'vitest'
import { Dag, getClient, getContext, SkipTask } from '../index.ts'

const quiet = { write: () => undefined }

it('calls handlers in this very process, and hands values from task to task', async () => {
  const seen: unknown[] = []
  const dag = new Dag('values')
  const load = dag.task('load', () => ({ rows: [1, 2], at: new Date(0) }))
  const sum = dag.task('sum', ({ data, factor }: { data: { rows: number[]; at: string }; factor: number }) => {
    seen.push(data, process.pid)
    return data.rows.reduce((total, row) => total + row, 0) * factor
  })
  sum({ data: load(), factor: 10 })
  const { state, tasks } = await dag.test(quiet)
  expect(state).toBe('success')
  expect(seen).toEqual([{ rows: [1, 2], at: '1970-01-01T00:00:00.000Z' }, process.pid])
  expect(tasks['sum']).toEqual({ state: 'success', tryNumber: 1, result: 30, error: null, executor: 'in-process' })
})

it('gives tasks their context and their client', async () => {
  const dag = new Dag('context', { schedule: '@daily' })
  const push = dag.task('push', async () => {
    const { conf, logicalDate, runId, tryNumber } = getContext()
    await getClient().xcom.push('extra', { a: 1 })
    return { conf, logicalDate, runId, tryNumber }
  })
  const pull = dag.task('pull', () => getClient().xcom.pull<{ a: number }>({ taskId: 'push', key: 'extra' }))
  pull().after(push())
  const { runId, tasks } = await dag.test({ ...quiet, conf: { day: 3 }, logicalDate: '2026-01-02', runId: 'mine' })
  expect(runId).toBe('mine')
  const logicalDate = '2026-01-02T00:00:00.000Z'
  expect(tasks['push']?.result).toEqual({ conf: { day: 3 }, logicalDate, runId: 'mine', tryNumber: 1 })
  expect(tasks['pull']?.result).toEqual({ a: 1 })
})

it('tries again at once, skips, and heeds trigger rules', async () => {
  const dag = new Dag('rules', { defaultArgs: { retries: 2 } })
  const flaky = dag.task('flaky', () => {
    if (getContext().tryNumber < 3) throw new Error('not yet')
    return 'third time'
  })
  const skips = dag.task('skips', (): number => {
    throw new SkipTask('nothing to do')
  })
  const after = dag.task('after', ({ value }: { value: number }) => value)
  const always = dag.task('always', () => 'here', { triggerRule: 'all_done' })
  const skipped = skips()
  always().after(after({ value: skipped }), flaky())
  const { state, tasks } = await dag.test(quiet)
  expect(state).toBe('success')
  expect(tasks).toMatchObject({
    flaky: { state: 'success', tryNumber: 3, result: 'third time' },
    skips: { state: 'skipped' },
    after: { state: 'skipped' },
    always: { state: 'success', result: 'here' },
  })
})

it('answers what failed and why, and writes it where the author looks', async () => {
  const written: string[] = []
  const dag = new Dag('fails')
  const breaks = dag.task('breaks', (): number => {
    throw new RangeError('no such city')
  })
  dag.task('after', ({ value }: { value: number }) => value)({ value: breaks() })
  const { state, tasks } = await dag.test({ write: (text) => void written.push(text) })
  expect(state).toBe('failed')
  expect(tasks).toMatchObject({
    breaks: { state: 'failed', error: { name: 'RangeError', message: 'no such city' } },
    after: { state: 'upstream_failed' },
  })
  expect(tasks['breaks']?.error?.stack).toContain('dag-test.test.ts')
  expect(written.join('')).toMatch(
    /\[breaks\] error: RangeError: no such city\n +RangeError: no such city\n +at .*dag-test/,
  )
  expect(written.at(-1)).toMatch(/^run manual__\S+ failed\n$/)
})

it('runs shell tasks in a shell, with their inputs and their output', async () => {
  const written: string[] = []
  const dag = new Dag('shells')
  const load = dag.task('load', () => [1, 2])
  dag.shell('count', 'echo "got $FAIRLEAD_INPUT_ROWS"; echo last')({ rows: load() })
  const { tasks } = await dag.test({ write: (text) => void written.push(text) })
  expect(tasks['count']).toMatchObject({ state: 'success', result: 'last' })
  expect(written).toContain('[count] got [1,2]\n')
})

it('marks tasks as succeeded without running them', async () => {
  const ran: string[] = []
  const dag = new Dag('marked')
  const upload = dag.task('upload_all', () => void ran.push('upload'))
  const tell = dag.task('tell', () => void ran.push('tell'))
  tell().after(upload())
  const { tasks } = await dag.test({ ...quiet, markSuccessPattern: /^upload/ })
  expect(ran).toEqual(['tell'])
  expect(tasks['upload_all']).toMatchObject({ state: 'success', result: null })
})

it('tells a handler that its time is over, and leaves it behind', async () => {
  const reasons: unknown[] = []
  const dag = new Dag('slow')
  dag.task(
    'sleeps',
    () => {
      const { signal } = getContext()
      return new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason)))
    },
    { executionTimeout: { seconds: 0.05 } },
  )()
  const { tasks } = await dag.test(quiet)
  expect(tasks['sleeps']).toMatchObject({ state: 'failed', error: { name: 'TaskTimedOut' } })
  expect(reasons).toEqual([expect.any(Error)])
})

it('runs whatever executor tasks ask for, and two Dags at once', async () => {
  const named = new Dag('named', { executor: 'nowhere' })
  named.task('one', () => 1, { executor: 'elsewhere' })()
  const other = new Dag('other')
  other.task('two', () => 2)()
  const results = await Promise.all([named.test(quiet), other.test(quiet)])
  expect(results.map(({ state, tasks }) => [state, tasks['one']?.result ?? tasks['two']?.result])).toEqual([
    ['success', 1],
    ['success', 2],
  ])
})

it('ends when it is told to', async () => {
  const stopping = new AbortController()
  const dag = new Dag('endless')
  dag.task('waits', () => new Promise(() => stopping.abort(new Error('enough'))))()
  await expect(dag.test({ ...quiet, signal: stopping.signal })).rejects.toThrow('enough')
})

it('gives tasks the variables and connections of the test', async () => {
  const dag = new Dag('secrets')
  const reads = dag.task('reads', async () => {
    const client = getClient()
    const limits = await client.variables.getJson<{ rows: number }>('limits')
    const [mail, db, web] = [
      await client.getConnection('mail'),
      await client.getConnection('db'),
      await client.getConnection('web'),
    ]
    await client.variables.set('seen', 'yes')
    return [limits?.rows, await client.variables.get('region'), mail?.login, mail?.port, db?.connType, web?.extra]
  })
  const rereads = dag.task('rereads', () => getClient().variables.get('seen'))
  rereads().after(reads())
  const { tasks } = await dag.test({
    ...quiet,
    variables: { limits: { rows: 100 }, region: 'eu' },
    connections: {
      mail: 'smtp://ada:secret@mail.example:587',
      db: { connType: 'postgres', host: 'db.example' },
      web: { conn_type: 'http', extra: { proxy: 'none' } },
    },
  })
  expect(tasks['reads']?.result).toEqual([100, 'eu', 'ada', 587, 'postgres', { proxy: 'none' }])
  expect(tasks['rereads']?.result).toBe('yes')
})

it('says once why a task waits for what no test brings', async () => {
  const stopping = new AbortController()
  const written: string[] = []
  const dag = new Dag('held')
  dag.task('waits', () => 1, { pool: 'nowhere' })()
  const write = (text: string): void => {
    written.push(text)
    if (text.includes('waits: ')) stopping.abort(new Error('enough'))
  }
  await expect(dag.test({ write, signal: stopping.signal })).rejects.toThrow('enough')
  expect(written.filter((text) => text.startsWith('waits waits: There is no pool "nowhere".'))).toHaveLength(1)
})

it.each([
  ['a variable that JSON cannot hold', () => tiny().test({ ...quiet, variables: { at: Number.NaN } }), /Variable "at"/],
  [
    'a connection that is none',
    () => tiny().test({ ...quiet, connections: { mail: 'secret words' } }),
    /^Connection "mail" cannot be read(?!.*secret)/,
  ],
  ['a mistake in the graph', () => circular().test(quiet), /has a cycle/],
  ['a date that is none', () => tiny().test({ ...quiet, logicalDate: 'soon' }), /"soon" is no moment/],
  [
    'an executor nobody knows',
    () => tiny().test({ ...quiet, executor: 'Lokal' }),
    /no executor "Lokal".*LocalExecutor/,
  ],
  ['several executors', () => tiny().test({ ...quiet, executor: 'a:LocalExecutor,b:LocalExecutor' }), /Name one/],
  ['a class that is no executor', () => tiny().test({ ...quiet, executor: Map }), /Map/],
])('refuses %s', async (_, run, message) => {
  await expect(run()).rejects.toThrow(message)
})

function tiny(): Dag {
  const dag = new Dag('tiny')
  dag.task('one', () => 1)()
  return dag
}

function circular(): Dag {
  const dag = new Dag('circular')
  const [a, b] = [dag.task('a', () => 1)(), dag.task('b', () => 2)()]
  a.before(b).after(b)
  return dag
}
