import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { ManualClock } from '../../../../testkit/manual-clock.ts'
import { describeOnEngines } from '../../../../testkit/test-databases.ts'
import type { ThrowawayDatabase } from '../../../../testkit/throwaway-database.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { appendAudit, type AuditEntry } from '../db/queries/audit.ts'
import { NO_LOG } from '../observability/log.ts'
import { NO_METRICS } from '../observability/metrics.ts'
import type { TraceSink, TraceSpan } from '../observability/index.ts'
import { TraceExporter } from './trace-exporter.ts'

const RUN = { actor: 'test', dagId: 'dag', runId: 'run' }
const TASK = { ...RUN, event: 'task_instance.state', taskId: 'a', mapIndex: -1, tryNumber: 1 }
const QUEUED: AuditEntry = { ...RUN, event: 'dag_run.created', to: 'queued' }
const BEGINNING: readonly AuditEntry[] = [
  { ...RUN, event: 'dag_run.state', from: 'queued', to: 'running' },
  { ...TASK, from: 'none', to: 'scheduled' },
  { ...TASK, from: 'scheduled', to: 'queued', dispatchId: 'd' },
]
const END: readonly AuditEntry[] = [
  { ...TASK, from: 'queued', to: 'running', dispatchId: 'd' },
  { ...TASK, from: 'running', to: 'success', dispatchId: 'd' },
  { ...RUN, event: 'dag_run.state', from: 'running', to: 'success' },
]

describeOnEngines('the trace exporter', (engine) => {
  const stopping = new AbortController()
  const sent: TraceSpan[] = []
  let answer: Awaited<ReturnType<TraceSink['send']>>
  let throwaway: ThrowawayDatabase
  let database: Database
  let clock: ManualClock

  beforeEach(async () => {
    sent.length = 0
    answer = { kind: 'taken' }
    throwaway = await engine.createDatabase()
    database = openDatabase({ url: throwaway.url, pid: process.pid })
    await migrate(database)
    clock = new ManualClock()
  })
  afterEach(async () => {
    await database.close()
    await throwaway.drop()
  })

  const sink: TraceSink = {
    send: async (spans) => {
      if (answer.kind === 'taken') sent.push(...spans)
      return answer
    },
    close: async () => undefined,
  }
  const exporter = (holder: string): TraceExporter =>
    new TraceExporter({ database, clock, log: NO_LOG, metrics: NO_METRICS, sink, holder, isAlone: false })
  const happen = (entries: readonly AuditEntry[]): Promise<void> =>
    database.transaction((tx) => appendAudit(tx, entries, clock.now()))
  const names = (): readonly string[] => sent.map(({ name }) => name)

  it('sends each span once, when it has ended', async () => {
    const one = exporter('one')
    await one.catchUp(stopping.signal)
    await happen([QUEUED, ...BEGINNING])
    await one.catchUp(stopping.signal)
    expect(names()).toEqual(['queued', 'scheduled'])
    await happen(END)
    await one.catchUp(stopping.signal)
    await one.catchUp(stopping.signal)
    expect(names()).toEqual(['queued', 'scheduled', 'queued', 'running', 'a', 'dag'])
  })

  it('goes on in another process where the last one stopped, with the whole tree', async () => {
    const one = exporter('one')
    await one.catchUp(stopping.signal)
    await happen([QUEUED, ...BEGINNING])
    await one.catchUp(stopping.signal)
    await happen(END)
    const other = exporter('other')
    await other.catchUp(stopping.signal)
    // The first one has the turn, until it is silent for too long.
    expect(names()).toHaveLength(2)
    clock.advance(31_000)
    await other.catchUp(stopping.signal)
    expect(names()).toEqual(['queued', 'scheduled', 'queued', 'running', 'a', 'dag'])
    const ids = new Set(sent.map(({ spanId }) => spanId))
    expect(sent.filter(({ parentSpanId }) => parentSpanId !== null && !ids.has(parentSpanId))).toEqual([])
    await one.catchUp(stopping.signal)
    expect(sent).toHaveLength(6)
  })

  it('tells nothing of a run that began before there were traces but its end', async () => {
    await happen([QUEUED, ...BEGINNING])
    const one = exporter('one')
    await one.catchUp(stopping.signal)
    await happen(END)
    await one.catchUp(stopping.signal)
    expect(names()).toEqual(['queued', 'running', 'a', 'dag'])
  })

  it('keeps what a receiver does not take, and sends it when it does', async () => {
    const one = exporter('one')
    await one.catchUp(stopping.signal)
    await happen([QUEUED, ...BEGINNING, ...END])
    answer = { kind: 'unavailable', detail: 'away' }
    const leaving = new AbortController()
    const sending = one.catchUp(leaving.signal)
    await eventually(() => clock.sleeperCount > 0)
    leaving.abort(new Error('the process stops'))
    await sending
    answer = { kind: 'taken' }
    await one.catchUp(stopping.signal)
    expect(names()).toEqual(['queued', 'scheduled', 'queued', 'running', 'a', 'dag'])
  })

  it('drops what a receiver will never take, and goes on', async () => {
    const one = exporter('one')
    await one.catchUp(stopping.signal)
    await happen([QUEUED, ...BEGINNING])
    answer = { kind: 'refused', detail: 'malformed' }
    await one.catchUp(stopping.signal)
    answer = { kind: 'taken' }
    await happen(END)
    await one.catchUp(stopping.signal)
    expect(names()).toEqual(['queued', 'running', 'a', 'dag'])
  })
})
