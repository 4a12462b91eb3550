import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAwsDouble, type AwsDouble } from '../../testkit/aws/index.ts'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { freePort } from '../../testkit/free-port.ts'
import { BATCH_SETTINGS, setBatchStage } from './batch-stage.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

/** What runs on Batch and Lambda outlives a server, is found by the next one, and ends when the run is cancelled. */

const DAG = `import { Dag } from 'fairlead'
const dag = new Dag('long', { isPausedUponCreation: false })
const wait = () => new Promise((resolve) => setTimeout(resolve, 600_000))
dag.task('job', wait, { executor: 'batch' })()
dag.task('event', wait, { executor: 'lambda', executionTimeout: { minutes: 10 } })()
`

let double: AwsDouble
let server: FairleadServer

beforeAll(async () => {
  double = await startAwsDouble()
  setBatchStage(double)
  setLambdaStage(double)
  // Workers know the server by one address, whichever process is there.
  const FAIRLEAD__API__PORT = String(await freePort())
  server = new FairleadServer({ 'long.ts': DAG }, { ...double.environment, FAIRLEAD__API__PORT })
  const executors = {
    local: { executor: 'LocalExecutor' },
    batch: { executor: 'BatchExecutor', settings: { ...BATCH_SETTINGS, endpoint: double.url } },
    lambda: { executor: 'LambdaExecutor', settings: { ...lambdaSettings(double), endpoint: double.url } },
  }
  writeFileSync(join(server.folder, 'fairlead.config.ts'), `export default ${JSON.stringify({ executors })}\n`)
  await server.start()
})
afterAll(async () => {
  await server.dispose()
  await double.close()
})

it('outlives a server that is killed, and is stopped by the next one, Lambda by the refusal of its heartbeat', async () => {
  const runId = await server.trigger('long')
  const running = async (): Promise<boolean> => {
    const rows = await server.states('long', runId)
    return rows.length === 2 && rows.every(({ state }) => state === 'running')
  }
  await eventually(running, { timeoutMs: 60_000, everyMs: 300 })
  await server.kill('SIGKILL')
  await server.start()
  const { exitCode, stderr } = await server.run('runs', 'cancel', 'long', runId)
  expect(exitCode, stderr).toBe(0)
  await eventually(() => double.batch.running().length + double.lambda.running().length === 0, { timeoutMs: 60_000 })
  expect([double.batch.jobs().length, double.lambda.events.length]).toEqual([1, 1])
  // What was told to the queue is read by the new server, which frees the slot by it.
  const results = double.sqs.urls().find((url) => url.endsWith('/results')) ?? ''
  await eventually(() => double.sqs.bodiesIn(results).length === 0, { timeoutMs: 30_000 })
  const rows = await server.states('long', runId)
  expect(rows.map(({ state, try_number: tries }) => `${state} ${tries}`)).toEqual(['failed 1', 'failed 1'])
}, 150_000)
