import { describe, expect, it } from 'vitest'
import { traceIdOf, traceparentOf } from './trace-ids.ts'
import { TraceBook } from './trace-book.ts'
import type { TraceLine, TraceSpan } from './trace-span.ts'

const RUN = { dag_id: 'dag', run_id: 'run' }
const NO_TASK = { task_id: null, map_index: null, try_number: null, dispatch_id: null, detail: null }

/** Lines of one run, numbered and one second apart: `[task or null, from, to, more]`. */
function linesOf(moves: ReadonlyArray<[string | null, string | null, string, Partial<TraceLine>?]>): TraceLine[] {
  return moves.map(([taskId, from, to, more], index) => ({
    seq: index + 1,
    at: (index + 1) * 1000,
    event: taskId === null ? (from === null ? 'dag_run.created' : 'dag_run.state') : 'task_instance.state',
    ...RUN,
    ...NO_TASK,
    ...(taskId === null ? {} : { task_id: taskId, map_index: -1, try_number: 1 }),
    from_state: from,
    to_state: to,
    ...more,
  }))
}

function read(lines: readonly TraceLine[], book = new TraceBook()): readonly TraceSpan[] {
  return lines.flatMap((line) => book.read(line))
}

const shapeOf = (spans: readonly TraceSpan[]): readonly string[] =>
  spans.map(({ name, startedAt, endedAt, error }) => `${name} ${startedAt / 1000}-${endedAt / 1000}${error ?? ''}`)

function expectOneTree(spans: readonly TraceSpan[]): void {
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
  expect(spans.filter(({ parentSpanId }) => parentSpanId === null)).toHaveLength(1)
  const ids = new Set(spans.map(({ spanId }) => spanId))
  expect(spans.filter(({ parentSpanId }) => parentSpanId !== null && !ids.has(parentSpanId))).toEqual([])
}

const dispatched = { dispatch_id: 'd1', detail: '{"executor":"local","queue":"q","pool":"p"}' }
const WHOLE = linesOf([
  [null, null, 'queued'],
  [null, 'queued', 'running'],
  ['a', 'none', 'scheduled'],
  ['a', 'scheduled', 'queued', dispatched],
  ['a', 'queued', 'running', { dispatch_id: 'd1' }],
  ['a', 'running', 'up_for_retry', { dispatch_id: 'd1', detail: '{"cause":"user_error"}' }],
  ['a', 'up_for_retry', 'scheduled', { try_number: 2 }],
  ['a', 'scheduled', 'queued', { try_number: 2, dispatch_id: 'd2' }],
  ['a', 'queued', 'scheduled', { try_number: 2, dispatch_id: 'd2', detail: '{"cause":"never_started"}' }],
  ['a', 'scheduled', 'queued', { try_number: 2, dispatch_id: 'd3' }],
  ['a', 'queued', 'running', { try_number: 2, dispatch_id: 'd3' }],
  ['a', 'running', 'success', { try_number: 2, dispatch_id: 'd3' }],
  ['b', 'none', 'skipped'],
  [null, 'running', 'success'],
])

describe('the trace of a run', () => {
  it('has a span for each state of each try, in the order in which they end', () => {
    const spans = read(WHOLE)
    expectOneTree(spans)
    expect(shapeOf(spans)).toEqual([
      'queued 1-2',
      'scheduled 3-4',
      'queued 4-5',
      'running 5-6user_error',
      'a 3-6user_error',
      'up_for_retry 6-7',
      'scheduled 7-8',
      'queued 8-9never_started',
      'scheduled 9-10',
      'queued 10-11',
      'running 11-12',
      'a 6-12',
      'b 13-13',
      'dag 1-14',
    ])
    expect(spans.find(({ name }) => name === 'running')?.attributes).toEqual({
      'airflow.dag_run.dag_id': 'dag',
      'airflow.dag_run.run_id': 'run',
      'airflow.task_instance.task_id': 'a',
      'airflow.task_instance.map_index': -1,
      'airflow.task_instance.try_number': 1,
      'airflow.task_instance.executor': 'local',
      'airflow.task_instance.queue': 'q',
      'airflow.task_instance.pool': 'p',
      'fairlead.dispatch_id': 'd1',
    })
  })

  it('knows the running span of a dispatch before it has begun', () => {
    const running = read(WHOLE).find(({ name }) => name === 'running')
    const life = { dagId: 'dag', runId: 'run', queuedAt: 1000 }
    expect(traceparentOf(life, 'd1')).toBe(`00-${running?.traceId}-${running?.spanId}-01`)
    expect(traceIdOf(life)).toMatch(/^[0-9a-f]{32}$/)
  })

  it.each(WHOLE.map((_, place) => place))(
    'is the same when it is read on after line %i by another process',
    (place) => {
      const [before, after] = [WHOLE.slice(0, place), WHOLE.slice(place)]
      const other = new TraceBook()
      read(before, other)
      expect([...read(before), ...read(after, other)]).toEqual(read(WHOLE))
    },
  )

  it('begins anew when an ended run is queued again', () => {
    const again = linesOf([
      ['a', 'success', 'none'],
      [null, 'success', 'queued'],
      [null, 'queued', 'running'],
      ['a', 'none', 'scheduled', { try_number: 3 }],
      [null, 'running', 'failed', { detail: '{"cause":"cancelled"}' }],
    ]).map((line) => ({ ...line, seq: line.seq + 100, at: line.at + 100_000 }))
    const book = new TraceBook()
    const first = read(WHOLE, book)
    const second = read(again, book)
    expectOneTree(second)
    expect(shapeOf(second)).toEqual(['queued 102-103', 'scheduled 104-105', 'a 104-105', 'dag 102-105cancelled'])
    expect(second[0]?.traceId).not.toBe(first[0]?.traceId)
  })

  it('has no second root when an ended run is marked otherwise', () => {
    const [marked] = linesOf([[null, 'success', 'failed']])
    const book = new TraceBook()
    read(WHOLE, book)
    expect(marked === undefined ? null : [book.needsHistory(marked), book.read(marked)]).toEqual([true, []])
  })

  it('ends a try whose process is stopped for a restart, and begins another', () => {
    const spans = read(
      linesOf([
        [null, null, 'queued'],
        [null, 'queued', 'running'],
        ['a', 'none', 'scheduled'],
        ['a', 'scheduled', 'queued', dispatched],
        ['a', 'queued', 'running', { dispatch_id: 'd1' }],
        ['a', 'running', 'restarting', { dispatch_id: 'd1' }],
        ['a', 'restarting', 'none'],
        ['a', 'none', 'scheduled', { try_number: 2 }],
        ['a', 'scheduled', 'failed', { try_number: 2 }],
        [null, 'running', 'failed'],
      ]),
    )
    expectOneTree(spans)
    expect(shapeOf(spans).filter((shape) => shape.startsWith('a '))).toEqual(['a 3-6', 'a 8-9failed'])
  })
})
