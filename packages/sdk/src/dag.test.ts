import { describe, expect, it } from 'vitest'
import type { DagSpec } from '@fairlead/protocol'
import { dagSpecSchema } from '@fairlead/protocol'
import { Bundle, Dag, type DagOptions, type TaskOptions } from './index.ts'
import { authoredDag, type AuthoredDag } from './runtime.ts'
import { DAGS_SLOT, LOCATE_SLOT, writeSlot } from './symbols.ts'

function read(dag: Dag): AuthoredDag {
  const authored = authoredDag(dag)
  if (authored === null) throw new Error('no Dag')
  return authored
}

const specOf = (dag: Dag): DagSpec => read(dag).toSpec()

/** Every way to break a rule of types on purpose. */
const untyped = (value: unknown): never => value as never

function oneTask(options: TaskOptions, dagOptions: DagOptions = {}): DagSpec {
  const dag = new Dag('d', dagOptions)
  dag.task('t', () => 1, options)()
  return specOf(dag)
}

describe('a Dag', () => {
  it('becomes data with the defaults of Airflow', () => {
    const spec = oneTask({})
    expect(dagSpecSchema.parse(spec)).toEqual(spec)
    expect(spec).toMatchObject({
      schedule: { kind: 'manual' },
      catchup: false,
      maxActiveRuns: null,
      maxActiveTasks: null,
    })
    expect(spec.tasks[0]).toMatchObject({
      triggerRule: 'all_success',
      retry: { retries: 0, delayMs: 300_000, backoff: 1, maxDelayMs: 86_400_000, jitter: 0 },
      executionTimeoutMs: null,
      priorityWeight: 1,
      queue: 'default',
      executor: null,
      isolation: null,
    })
  })

  it('wires inputs, keeps literals with the handler and orders tasks by their edges', () => {
    const dag = new Dag('etl')
    const load = dag.task('load', ({ rows, table }: { rows: number[]; table: string }) => `${table}${rows.length}`)
    const extract = dag.task(function extract() {
      return [1]
    })
    const clean = dag.task('clean', () => {})
    const cleaned = clean()
    const rows = extract()
    const loaded = load({ rows, table: 't' })
    dag.task('last', ({ count }: { count: number }) => count)({ count: rows.output('count') })
    expect(cleaned.after(loaded, rows)).toBe(cleaned)
    const { tasks } = specOf(dag)
    expect(tasks.map((task) => [task.taskId, task.upstream])).toEqual([
      ['extract', []],
      ['load', ['extract']],
      ['last', ['extract']],
      ['clean', ['load', 'extract']],
    ])
    expect(tasks[1]?.inputs).toEqual([{ name: 'rows', taskId: 'extract', key: 'return_value' }])
    expect(tasks[2]?.inputs).toEqual([{ name: 'count', taskId: 'extract', key: 'count' }])
    expect(read(dag).literalsOf('load')).toEqual({ table: 't' })
    expect(read(dag).handlerOf('load')).toBeTypeOf('function')
  })

  it('places one declaration again under another id', () => {
    const dag = new Dag('d')
    const twice = dag.task('one', ({ n }: { n: number }) => n)
    twice({ n: 1 })
    twice.as('two')({ n: 2 })
    expect(specOf(dag).tasks.map((task) => task.taskId)).toEqual(['one', 'two'])
    expect(read(dag).literalsOf('two')).toEqual({ n: 2 })
  })

  it('runs shell commands with literals in their environment', () => {
    const dag = new Dag('d')
    const rows = dag.task('rows', () => [1])()
    dag.shell('sh', 'wc -l', { env: { A: 'b' }, retries: 1 })({ 'the-limit': { n: 3 }, rows })
    const [, shell] = specOf(dag).tasks
    expect(shell).toMatchObject({
      program: {
        kind: 'shell',
        command: 'wc -l',
        env: { A: 'b', FAIRLEAD_INPUT_THE_LIMIT: '{"n":3}' },
        cwd: null,
        skipOnExitCode: 99,
      },
      inputs: [{ name: 'rows', taskId: 'rows', key: 'return_value' }],
      retry: { retries: 1 },
    })
    expect(read(dag).handlerOf('sh')).toBeNull()
  })

  it('takes a task id from its options, as the SDK of Airflow does', () => {
    const dag = new Dag('d')
    dag.task(() => 1, { taskId: 'one', retries: 2 })()
    expect(specOf(dag).tasks[0]).toMatchObject({ taskId: 'one', retry: { retries: 2 } })
  })

  it('takes what a task leaves open from defaultArgs', () => {
    const retryWhen = (): boolean => false
    const dag = new Dag('d', { defaultArgs: { retries: 3, queue: 'slow', retryWhen } })
    dag.task('a', () => 1, { retries: 0 })()
    expect(specOf(dag).tasks[0]).toMatchObject({ retry: { retries: 0 }, queue: 'slow' })
    expect(read(dag).retryWhen('a')).toBe(retryWhen)
  })

  it('says where it and its tasks are written when it is parsed', () => {
    let line = 0
    writeSlot(LOCATE_SLOT, () => `etl.ts:${(line += 1)}`)
    try {
      const dag = new Dag('d')
      const declared = dag.task('a', () => 1)
      declared()
      expect(specOf(dag)).toMatchObject({ location: 'etl.ts:1', tasks: [{ location: 'etl.ts:3' }] })
    } finally {
      writeSlot(LOCATE_SLOT, undefined)
    }
  })

  it('adds itself to the list of whoever reads the file, and passes through a Bundle', async () => {
    const list: unknown[] = []
    writeSlot(DAGS_SLOT, list)
    const dag = new Dag('d')
    writeSlot(DAGS_SLOT, undefined)
    expect(list).toEqual([dag])
    await new Bundle().register(dag).serve()
    expect(authoredDag({ dagId: 'no Dag' })).toBeNull()
  })
})

describe('options', () => {
  it.each<[TaskOptions, object]>([
    [{ retryDelay: { minutes: 1, seconds: 30 } }, { retry: { delayMs: 90_000 } }],
    [
      { retryBackoff: 2, maxRetryDelay: { hours: 1 }, retryJitter: 0.5 },
      { retry: { backoff: 2, maxDelayMs: 3_600_000, jitter: 0.5 } },
    ],
    [{ executionTimeout: { milliseconds: 5 } }, { executionTimeoutMs: 5 }],
    [{ setup: true }, { isSetup: true }],
    [
      { executor: 'ecs', executorConfig: { cpu: 2 } },
      { executor: 'ecs', executorConfig: { cpu: 2 } },
    ],
  ])('%j', (options, expected) => {
    expect(oneTask(options).tasks[0]).toMatchObject(expected)
  })

  it.each<[DagOptions['schedule'], object]>([
    [null, { kind: 'manual' }],
    ['@once', { kind: 'once' }],
    ['@daily', { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC' }],
    ['*/5 * * * *', { kind: 'cron', expression: '*/5 * * * *', timezone: 'UTC' }],
    [
      { cron: '0 6 * * 1', timezone: 'Europe/Paris' },
      { kind: 'cron', expression: '0 6 * * 1', timezone: 'Europe/Paris' },
    ],
    [
      { cron: '@daily', dataIntervals: true },
      { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', dataIntervals: true },
    ],
    [{ hours: 6 }, { kind: 'delta', everyMs: 21_600_000 }],
    [
      { every: { days: 1 }, dataIntervals: true },
      { kind: 'delta', everyMs: 86_400_000, dataIntervals: true },
    ],
  ])('schedule %j', (schedule, expected) => {
    expect(oneTask({}, schedule === undefined ? {} : { schedule }).schedule).toEqual(expected)
  })

  it('reads dates with their offset', () => {
    const spec = oneTask({}, { startDate: '2026-01-01T00:00:00+01:00', endDate: new Date(1e12) })
    expect([spec.startDate, spec.endDate]).toEqual([Date.UTC(2025, 11, 31, 23), 1e12])
  })
})

describe('a mistake is refused with its code and what to do', () => {
  const dag = (): Dag => new Dag('d')
  const cyclic = (): DagSpec => {
    const it = dag()
    const [a, b, c] = ['a', 'b', 'c'].map((id) => it.task(id, () => 1)())
    a?.before(untyped(b))
    b?.before(untyped(c))
    c?.before(untyped(a))
    return specOf(it)
  }
  const two = (): void => {
    const it = dag()
    it.task('a', () => 1)()
    it.task('a', () => 2)()
  }
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const withArgument = (value: unknown) => () => dag().task('t', ({ x }: { x: unknown }) => x)({ x: untyped(value) })
  const cases: [string, () => unknown, string, RegExp][] = [
    ['a cycle', cyclic, 'DAG_CYCLE', /a → b → c → a|b → c → a → b|c → a → b → c/],
    ['two tasks of one id', two, 'TASK_DUPLICATE', /"a".*\.as\(id\)/],
    [
      'a task that is never placed',
      () => {
        const it = dag()
        it.task('lost', () => 1)
        specOf(it)
      },
      'TASK_NOT_PLACED',
      /"lost"/,
    ],
    ['an anonymous handler', () => dag().task(() => 1), 'TASK_ID_MISSING', /dag\.task\('id', handler\)/],
    ['a Dag id with a slash', () => new Dag('a/b'), 'DAG_ID_INVALID', /letters and digits/],
    ['an id with a control character', () => dag().task('a\u0000', () => 1), 'TASK_ID_INVALID', /a\\u0000/],
    ['an id of dots', () => new Dag('..'), 'DAG_ID_INVALID', /""|"\.\."/],
    ['an empty id', () => new Dag(''), 'DAG_ID_INVALID', /empty/],
    ['a long id', () => new Dag('x'.repeat(251)), 'DAG_ID_INVALID', /251.*250/],
    ['a Map argument', withArgument(new Map()), 'INPUT_UNSERIALISABLE', /"x".*"t".*"d".*Map/],
    ['a Date argument', withArgument([new Date()]), 'INPUT_UNSERIALISABLE', /"x"\[0\].*Date/],
    ['a function argument', withArgument({ f: () => 1 }), 'INPUT_UNSERIALISABLE', /"x"\.f.*function/],
    ['a bigint argument', withArgument(1n), 'INPUT_UNSERIALISABLE', /bigint/],
    ['a NaN argument', withArgument(Number.NaN), 'INPUT_UNSERIALISABLE', /NaN/],
    ['a circular argument', withArgument(circular), 'INPUT_UNSERIALISABLE', /contains itself/],
    [
      'an output inside a literal',
      () => {
        const it = dag()
        const a = it.task('a', () => 1)()
        it.task('t', ({ x }: { x: unknown }) => x)({ x: [a] })
      },
      'INPUT_UNSERIALISABLE',
      /output of task "a"/,
    ],
    [
      'a task of another Dag',
      () => dag().task('t', ({ x }: { x: number }) => x)({ x: dag().task('a', () => 1)() }),
      'TASK_OF_OTHER_DAG',
      /"a"/,
    ],
    ['a negative number of retries', () => oneTask({ retries: -1 }), 'TASK_OPTION_INVALID', /"retries".*-1/],
    [
      'a delay without a unit',
      () => oneTask({ retryDelay: untyped(5) }),
      'TASK_OPTION_INVALID',
      /"retryDelay".*minutes/,
    ],
    ['a misspelt task option', () => oneTask(untyped({ retires: 1 })), 'TASK_OPTION_INVALID', /"retires".*retries/],
    ['a misspelt Dag option', () => oneTask({}, untyped({ shedule: '@daily' })), 'DAG_OPTION_INVALID', /schedule/],
    ['an unknown trigger rule', () => oneTask({ triggerRule: untyped('often') }), 'TASK_OPTION_INVALID', /all_success/],
    [
      'an executorConfig with a function',
      () => oneTask({ executorConfig: { f: () => 1 } }),
      'TASK_OPTION_INVALID',
      /"executorConfig"/,
    ],
    ['a schedule of no length', () => oneTask({}, { schedule: { hours: 0 } }), 'DAG_OPTION_INVALID', /hours: 6/],
    ['an unknown preset', () => oneTask({}, { schedule: '@fortnightly' }), 'DAG_OPTION_INVALID', /@daily/],
    ['a date that is none', () => oneTask({}, { startDate: 'soon' }), 'DAG_OPTION_INVALID', /"startDate".*soon/],
    ['no room for runs', () => oneTask({}, { maxActiveRuns: 0 }), 'DAG_OPTION_INVALID', /"maxActiveRuns"/],
  ]
  it.each(cases)('%s', (_name, mistake, code, message) => {
    expect(mistake).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) as string }))
  })
})
