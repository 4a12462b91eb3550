import { describe, expectTypeOf, it } from 'vitest'
import { Dag, type TaskHandle } from './index.ts'

const dag = new Dag('types')

const extract = dag.task('extract', async () => [{ id: 1, name: 'a' }])
const count = dag.task(
  'count',
  ({ rows, label }: { rows: { id: number }[]; label?: string }) => rows.length + (label?.length ?? 0),
)
const when = dag.task('when', () => new Date())
const maybe = dag.task('maybe', (): number | null => null)
const total = dag.task('total', ({ value }: { value: number }) => value)
const nullable = dag.task('nullable', ({ value }: { value: number | null }) => value)
const nothing = dag.task('nothing', () => {})
const anyOf = dag.task('anyOf', ({ options }: { options?: { depth: number } }) => options?.depth ?? 0)

describe('wiring', () => {
  it('gives a handle of what the handler resolves to, as JSON carries it', () => {
    expectTypeOf(extract()).toEqualTypeOf<TaskHandle<{ id: number; name: string }[]>>()
    expectTypeOf(when()).toEqualTypeOf<TaskHandle<string>>()
    expectTypeOf(nothing()).toEqualTypeOf<TaskHandle<void>>()
    expectTypeOf(dag.shell('sh', 'date')()).toEqualTypeOf<TaskHandle<string>>()
  })

  it('accepts outputs and literals of the right type', () => {
    count({ rows: extract() })
    count({ rows: [{ id: 1 }], label: 'x' })
    count.as('count_again')({ rows: extract() })
    nullable({ value: maybe() })
    nullable({ value: null })
    nullable({ value: total({ value: 1 }) })
    total({ value: extract().output<number>('rows') })
    anyOf()
    anyOf({ options: { depth: 1 } })
    dag.task(function named() {
      return 1
    })()
  })

  it('refuses wrong, missing and unknown arguments', () => {
    // @ts-expect-error a Date arrives as a string
    total({ value: when() })
    // @ts-expect-error the output is not a number
    total({ value: extract() })
    // @ts-expect-error the literal is not a number
    total({ value: '1' })
    // @ts-expect-error the output may be null
    total({ value: maybe() })
    // @ts-expect-error nothing is not a number
    total({ value: nothing() })
    // @ts-expect-error the output by key is named as text
    total({ value: extract().output<string>('rows') })
    // @ts-expect-error the argument is missing
    total({})
    // @ts-expect-error all arguments are missing
    total()
    // @ts-expect-error the argument is unknown
    total({ value: 1, other: 2 })
    // @ts-expect-error the task takes no arguments
    extract({ rows: 1 })
    // @ts-expect-error the option is unknown
    dag.task('bad', () => 1, { retires: 1 })
    // @ts-expect-error the trigger rule is unknown
    dag.task('worse', () => 1, { triggerRule: 'sometimes' })
    // @ts-expect-error a delay has units
    dag.task('worst', () => 1, { retryDelay: 5 })
    // @ts-expect-error the Dag option is unknown
    new Dag('d', { shedule: '@daily' })
  })

  it('leaves executors open while none is registered', () => {
    dag.task('free', () => 1, { executor: 'anything', executorConfig: { cpu: 1 } })
    dag.task('chain', () => 1, { executor: ['one', 'other'], executorFallback: 'full' })
    new Dag('d', { executor: ['one', 'other'] })
    // @ts-expect-error a chain has at least one executor
    new Dag('d', { executor: [] })
    // @ts-expect-error the rule is unknown
    dag.task('lost', () => 1, { executor: ['one', 'other'], executorFallback: 'never' })
  })

  it('knows pools, limits and weight rules', () => {
    dag.task('p', () => 1, { pool: 'db', poolSlots: 2, maxActiveTisPerDag: 1, maxActiveTisPerDagrun: 1 })
    dag.shell('s', 'date', { weightRule: 'absolute' })
    new Dag('d', { defaultArgs: { pool: 'db', weightRule: 'upstream' } })
    // @ts-expect-error a pool is named
    dag.task('q', () => 1, { pool: 1 })
    // @ts-expect-error the rule is unknown
    dag.task('r', () => 1, { weightRule: 'sideways' })
  })
})
