import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DescribeTasksCommand, ListTasksCommand, type Task } from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startMoto, type MotoServer } from '../../testkit/aws/moto/moto-server.ts'
import { placeOnMoto } from '../../testkit/aws/moto/place-on-moto.ts'
import { destroy } from '../../testkit/aws/model/place.ts'
import { STAGE, type Place } from '../../testkit/aws/model/set-request.ts'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { MOTO_COMMAND, motoPython, needsService } from '../../testkit/services.ts'

/**
 * A second opinion: an ECS that nobody here wrote. moto starts no container, so the test runs the worker with the
 * environment that it finds in the task, as a container would.
 */

const DAG = `import { Dag } from 'fairlead'
const dag = new Dag('aboard', { isPausedUponCreation: false })
const first = dag.task('first', () => 'aye')
dag.task('second', ({ word }: { word: string }) => console.log('it said ' + word))({ word: first() })
`

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAMOTO', AWS_SECRET_ACCESS_KEY: 'any', AWS_REGION: 'eu-central-1' }
const python = motoPython()

describe.skipIf(python === null)(needsService('the EcsExecutor on moto', python, MOTO_COMMAND), () => {
  let moto: MotoServer
  let place: Place
  let server: FairleadServer

  beforeAll(async () => {
    moto = await startMoto(python ?? '')
    place = await placeOnMoto(moto.url)
    await transition(moto.url, { progression: 'time', seconds: 1 })
    server = new FairleadServer(
      { 'aboard.ts': DAG },
      { ...KEYS, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    )
    const settings = {
      endpoint: moto.url,
      cluster: STAGE.cluster,
      taskDefinition: STAGE.family,
      containerName: STAGE.container,
      network: { subnets: [place.subnet], securityGroups: [place.securityGroup] },
      poll: { shortestMs: 200, longestMs: 1000 },
      // It has no words for a task that it does not know.
      checkHealth: false,
    }
    const executors = { ecs: { executor: 'EcsExecutor', settings } }
    writeFileSync(join(server.folder, 'fairlead.config.ts'), `export default ${JSON.stringify({ executors })}\n`)
    await server.start()
  })
  afterAll(async () => {
    await server.dispose()
    destroy(place)
    await moto.close()
  })

  it('runs a Dag whose tasks are tasks of ECS', async () => {
    const runId = await server.trigger('aboard')
    const seen = new Set<string>()
    for (let number = 1; number <= 2; number += 1) {
      const task = await eventually(async () => (await tasksOf(place)).find(({ taskArn = '' }) => !seen.has(taskArn)), {
        timeoutMs: 30_000,
      })
      seen.add(task.taskArn ?? '')
      expect(task.startedBy).toMatch(/^fairlead\/ecs\//)
      expect(await runWorker(task)).toBe(0)
    }
    expect(await server.runEnd('aboard', runId), server.log).toBe('success')
    const { stdout } = await server.run('tasks', 'logs', 'aboard', runId, 'second')
    expect(stdout).toContain('it said aye')
    expect(seen.size).toBe(2)
  })

  it('lists its tasks, as ECS has them', async () => {
    const { stdout } = await server.run('ecs', 'list-tasks', '--all')
    expect(stdout).toContain('aboard.first')
  })
})

async function tasksOf({ ecs }: Place): Promise<readonly Task[]> {
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster: STAGE.cluster }))
  if (taskArns.length === 0) return []
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: STAGE.cluster, tasks: taskArns }))
  return tasks
}

/** What a container would do: the worker, with the environment of the overrides and nothing else of ours. */
async function runWorker(task: Task): Promise<number | null> {
  const { environment = [] } = task.overrides?.containerOverrides?.[0] ?? {}
  const env = Object.fromEntries(environment.map(({ name = '', value = '' }) => [name, value]))
  const worker = join(process.cwd(), 'packages/task-runner/dist/worker.cjs')
  const child = spawn(process.execPath, [worker], { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' })
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  return exitCode
}

async function transition(url: string, how: object): Promise<void> {
  const body = JSON.stringify({ model_name: 'ecs::task', transition: how })
  await fetch(`${url}/moto-api/state-manager/set-transition`, { method: 'POST', body })
}
