import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAwsDouble, type AwsDouble } from '../../testkit/aws/index.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { BATCH_SETTINGS, setBatchStage } from './batch-stage.ts'
import { DEMO_DAG } from './demo-dag.ts'
import { ECS_SETTINGS, setEcsStage } from './ecs-stage.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

/** One run on four executors: a real server, the double, and a worker's process for each task that is elsewhere. */

function configOf(double: AwsDouble): string {
  const executors = {
    local: { executor: 'LocalExecutor' },
    ecs: { executor: 'EcsExecutor', settings: { ...ECS_SETTINGS, endpoint: double.url } },
    batch: { executor: 'BatchExecutor', settings: { ...BATCH_SETTINGS, endpoint: double.url } },
    lambda: { executor: 'LambdaExecutor', settings: { ...lambdaSettings(double), endpoint: double.url } },
  }
  return `export default ${JSON.stringify({ executors })}\n`
}

describe('a run on four executors', () => {
  let double: AwsDouble
  let server: FairleadServer

  beforeAll(async () => {
    double = await startAwsDouble()
    setEcsStage(double)
    setBatchStage(double)
    setLambdaStage(double)
    server = new FairleadServer({ 'everywhere.ts': DEMO_DAG }, double.environment)
    writeFileSync(join(server.folder, 'fairlead.config.ts'), configOf(double))
    await server.start()
  })
  afterAll(async () => {
    await server.dispose()
    await double.close()
  })

  it('succeeds, each task where it was sent, with the value of the one before, and one start each', async () => {
    const runId = await server.trigger('everywhere')
    expect(await server.runEnd('everywhere', runId, 100_000), server.log).toBe('success')
    const rows = await server.states('everywhere', runId)
    expect(rows.map(({ task_id: id, state, try_number: tries }) => `${id} ${state} ${tries}`).toSorted()).toEqual(
      ['batch', 'ecs', 'here', 'lambda', 'last'].map((id) => `${id} success 1`),
    )
    const { stdout } = await server.run('tasks', 'logs', 'everywhere', runId, 'last')
    expect(stdout).toContain('way: here:here, ecs:a container of ECS, batch:a job of Batch, lambda')
    expect([double.ecs.tasks().length, double.batch.jobs().length, double.lambda.events.length]).toEqual([1, 1, 1])
  })

  it('shows the log of a task that ran elsewhere, when it is gone', async () => {
    const [run] = (await server.json('dags', 'list-runs', 'everywhere')) as Array<{ dag_run_id: string }>
    for (const task of ['ecs', 'batch', 'lambda']) {
      const { stdout } = await server.run('tasks', 'logs', 'everywhere', run?.dag_run_id ?? '', task)
      expect(stdout, task).not.toBe('')
    }
  })
})
