import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { executeTaskSchema, type ExecuteTask, type WorkloadExit } from '@fairlead/protocol'
import { afterAll, beforeAll, afterEach, beforeEach, expect, it } from 'vitest'
import { compileRunner, type CompiledRunner } from '../../../testkit/compiled-runner.ts'
import { startFakeExecutionApi, type FakeExecutionApi } from '../../../testkit/fake-execution-api.ts'
import { childEnvironment } from './child-environment.ts'
import { ExecutionApiClient } from './execution-api-client.ts'
import { handlerRun } from './handler-run.ts'
import { LogWriter } from './log-writer.ts'
import { startRunnerProcess } from './runner-process.ts'
import { shellRun } from './shell-run.ts'
import { Supervisor, type SupervisorSettings } from './supervisor.ts'

let runner: CompiledRunner
let api: FakeExecutionApi
let client: ExecutionApiClient

beforeAll(async () => {
  runner = await compileRunner()
  runner.addBundle('demo', DAG)
})
afterAll(() => runner.remove())
beforeEach(async () => {
  api = await startFakeExecutionApi()
  client = new ExecutionApiClient(api.url)
})
afterEach(async () => {
  client.close()
  await api.close()
})

const DAG = `
const dag = new Dag('demo')
const hello = dag.task('hello', () => ({ greeting: 'hello', conf: getContext().conf.colour }))()
`

it('runs a handler and settles its return value and its success', async () => {
  const { exit, id } = await runTask('hello')
  expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
  expect(api.states.get(id)).toMatchObject([{ state: 'success', exit: { kind: 'exited', exitCode: 0 } }])
  expect(api.xcoms.get('hello/return_value')).toEqual({ greeting: 'hello', conf: 'green' })
})

async function runTask(taskId: string, changes: Partial<ExecuteTask> = {}): Promise<Ran> {
  const workload = workloadOf(taskId, changes)
  const supervisor = supervise(workload)
  const exit = await supervisor.run()
  const log = readFileSync(join(runner.logFolder, workload.logPath), 'utf8')
  return { exit, id: workload.taskInstance.id, log }
}

interface Ran {
  readonly exit: WorkloadExit
  readonly id: string
  readonly log: string
}

function supervise(workload: ExecuteTask): Supervisor {
  const log = new LogWriter(join(runner.logFolder, workload.logPath))
  return new Supervisor(workload, {
    api: client,
    log,
    settings: SETTINGS,
    giveUp: new AbortController().signal,
    onRunning: () => undefined,
    record: { running: () => undefined, ended: () => undefined, reported: () => undefined },
    async prepare({ program, bundle }) {
      if (program.kind === 'shell') return await shellRun(workload, program, log)
      const process_ = startRunnerProcess({
        childPath: runner.childPath,
        extraCaCertificates: null,
        environment: childEnvironment(process.env),
      })
      return handlerRun(workload, process_, { log, bundlePath: join(runner.bundleFolder, bundle.hash, 'bundle.mjs') })
    },
  })
}

const SETTINGS: SupervisorSettings = {
  killGraceMs: 300,
  launchBudgetMs: 5_000,
  settleBudgetMs: 10_000,
  leaseMs: 10_000,
  overtimeMs: 5_000,
  drainMs: 500,
}

function workloadOf(taskId: string, changes: Partial<ExecuteTask>): ExecuteTask {
  const id = randomUUID()
  return executeTaskSchema.parse({
    type: 'ExecuteTask',
    taskInstance: {
      id,
      dispatchId: randomUUID(),
      dagId: 'demo',
      runId: 'manual__1',
      taskId,
      mapIndex: -1,
      tryNumber: 1,
      priorityWeight: 1,
      queue: 'default',
      externalId: null,
    },
    bundle: { name: 'dags', hash: 'demo', file: 'demo.ts' },
    program: { kind: 'handler' },
    inputs: [],
    executionTimeoutMs: null,
    isolation: 'process',
    logPath: `${id}.log`,
    token: 'ticket',
    ...changes,
  })
}
