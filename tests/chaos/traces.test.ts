import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { OtlpReceiver, type ReceivedSpan } from '../../testkit/otlp-receiver.ts'

const DAG = `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('traced', { isPausedUponCreation: false })
const first = dag.task('first', async () => {
  const { conf, traceparent } = getContext()
  appendFileSync(String(conf['journal']), 'first ' + traceparent + ' ' + process.env['TRACEPARENT'] + '\\n')
  while (!existsSync(String(conf['go']))) await new Promise((resolve) => setTimeout(resolve, 10))
})()
const flaky = dag.task('flaky', async () => {
  if (getContext().tryNumber === 1) throw new Error('not yet')
}, { retries: 1, retryDelay: { milliseconds: 100 } })()
const shell = dag.shell('shell', 'echo "trace=$TRACEPARENT"')()
first.before(flaky)
flaky.before(shell)
`

let server: FairleadServer
let receiver: OtlpReceiver
beforeAll(async () => {
  receiver = new OtlpReceiver()
  await receiver.listen()
  server = new FairleadServer({ 'traced.ts': DAG }, receiver.environment)
})
afterAll(async () => {
  await server.dispose()
  await receiver.close()
})

it('tells a run as one trace, waiting, retries and all, though the server is killed in the middle and its receiver is away', async () => {
  const journal = join(server.folder, 'journal')
  const go = join(server.folder, 'go')
  await server.start()
  const runId = await server.trigger('traced', { journal, go })
  await eventually(() => readFileSync(journal, 'utf8').includes('first '))
  await eventually(() => receiver.of(runId).some(({ name }) => name === 'scheduled'))
  await server.kill('SIGKILL')
  receiver.status = 503
  await server.start()
  writeFileSync(go, '')
  expect(await server.runEnd('traced', runId)).toBe('success')
  const refused = receiver.requests
  await eventually(() => receiver.requests > refused)
  receiver.status = 200
  await eventually(() => rootsOf(receiver.of(runId)).length > 0, { timeoutMs: 60_000 })

  const spans = receiver.of(runId)
  const [root, ...others] = rootsOf(spans)
  expect(others).toEqual([])
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect(orphansOf(spans)).toEqual([])
  expect(root).toMatchObject({ name: 'traced', error: null, service: 'fairlead' })
  const tree = childrenOf(spans, root).map((span) => [
    span.name,
    span.error,
    childrenOf(spans, span).map(({ name }) => name),
  ])
  expect(tree).toEqual([
    ['queued', null, []],
    ['first', null, ['scheduled', 'queued', 'running']],
    ['flaky', 'user_error', ['scheduled', 'queued', 'running']],
    ['flaky', null, ['up_for_retry', 'scheduled', 'queued', 'running']],
    ['shell', null, ['scheduled', 'queued', 'running']],
  ])

  const [, traceparent, inherited] = (readFileSync(journal, 'utf8').split('\n')[0] ?? '').split(' ')
  const running = runningOf(spans, 'first')
  expect(traceparent).toBe(`00-${running.traceId}-${running.spanId}-01`)
  expect(inherited).toBe(traceparent)
  const shell = runningOf(spans, 'shell')
  const { stdout } = await server.run('tasks', 'logs', 'traced', runId, 'shell')
  expect(stdout).toContain(`trace=00-${shell.traceId}-${shell.spanId}-01`)
  expect(shell.attributes).toMatchObject({
    'airflow.task_instance.executor': expect.any(String) as string,
    'airflow.task_instance.pool': 'default_pool',
    'airflow.task_instance.queue': 'default',
    'airflow.task_instance.try_number': 1,
  })
})

const rootsOf = (spans: readonly ReceivedSpan[]): readonly ReceivedSpan[] =>
  spans.filter(({ parentSpanId }) => parentSpanId === null)

const orphansOf = (spans: readonly ReceivedSpan[]): readonly ReceivedSpan[] =>
  spans.filter(({ parentSpanId }) => parentSpanId !== null && !spans.some(({ spanId }) => spanId === parentSpanId))

const childrenOf = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined): readonly ReceivedSpan[] =>
  spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId).toSorted((a, b) => a.startMs - b.startMs)

function runningOf(spans: readonly ReceivedSpan[], taskId: string): ReceivedSpan {
  const found = spans.find(
    ({ name, attributes }) => name === 'running' && attributes['airflow.task_instance.task_id'] === taskId,
  )
  if (found === undefined) throw new Error(`Task ${taskId} has no running span.`)
  return found
}
