import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXECUTOR_LABEL } from '../../examples/docker-executor/src/container.ts'
import { Engine } from '../../examples/docker-executor/src/engine.ts'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { DOCKER_COMMAND, dockerSocket, needsService } from '../../testkit/services.ts'
import { buildExampleImage, IMAGE } from './example-image.ts'

const engineSocket = dockerSocket()
const root = fileURLToPath(new URL('../..', import.meta.url))
const settings = JSON.stringify({ socketPath: engineSocket, image: IMAGE, killGraceMs: 1000 })

const CONFIG = `import { defineConfig } from 'fairlead'

export default defineConfig({
  executors: {
    local: { executor: 'LocalExecutor' },
    boxed: { executor: './executors/index.ts#DockerExecutor', parallelism: 4, settings: ${settings} },
  },
})
`

const DAG = `import { hostname } from 'node:os'
import { Dag } from 'fairlead'

const isBoxed = () => hostname().startsWith('task-')
const dag = new Dag('mixed', { isPausedUponCreation: false, executor: 'local' })
const here = dag.task('here', () => ({ hostname: hostname() }))()
const executorConfig = { memoryMb: 512, env: { GREETING: 'ahoy' } }
const boxed = dag.task('boxed', ({ from }: { from: { hostname: string } }) => {
  console.log('called from ' + from.hostname)
  const greeting = process.env['GREETING']
  if (!isBoxed() || greeting !== 'ahoy') throw new Error('not in the container that was asked for')
  return greeting
}, { executor: 'boxed', executorConfig })({ from: here })
dag.task('told', ({ greeting }: { greeting: string }) => {
  if (greeting !== 'ahoy' || isBoxed()) throw new Error('not told, or not here')
})({ greeting: boxed })

const failing = new Dag('failing', { isPausedUponCreation: false, executor: 'boxed' })
failing.task('hungry', () => {
  const eaten: Buffer[] = []
  for (;;) eaten.push(Buffer.alloc(16 << 20, 1))
}, { executorConfig: { memoryMb: 128 } })()
failing.task('imageless', () => 1, { executorConfig: { image: 'nowhere:none' } })()

const long = new Dag('long', { isPausedUponCreation: false, executor: 'boxed' })
long.task('sleeps', async () => {
  for (let second = 0; second < 600; second += 1) {
    console.log('still here')
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
})()
`

const MISSPELT = `import { Dag } from 'fairlead'
new Dag('misspelt').task('t', () => 1, { executor: 'boxed', executorConfig: { memory: '1g' } })()
`

describe.skipIf(engineSocket === null)(
  needsService('a server with two executors', engineSocket, DOCKER_COMMAND),
  () => {
    const engine = new Engine(String(engineSocket))
    let server: FairleadServer

    beforeAll(async () => {
      buildExampleImage(String(engineSocket))
      server = new FairleadServer({ 'mixed.ts': DAG, 'misspelt.ts': MISSPELT }, { DOCKER_SOCKET: String(engineSocket) })
      symlinkSync(join(root, 'node_modules'), join(server.folder, 'node_modules'))
      mkdirSync(join(server.folder, 'executors'))
      cpSync(join(root, 'examples/docker-executor/src'), join(server.folder, 'executors'), { recursive: true })
      writeFileSync(join(server.folder, 'fairlead.config.ts'), CONFIG)
      await server.start()
    })
    afterAll(() => server.dispose())

    it('runs one task of a run here, and one in a container', async () => {
      const runId = await server.trigger('mixed')
      expect(await server.runEnd('mixed', runId)).toBe('success')
      const { stdout } = await server.run('tasks', 'logs', 'mixed', runId, 'boxed')
      expect(stdout).toContain('called from')
      await eventually(async () => (await boxes()).length === 0, { timeoutMs: 20_000 })
    })

    it('says of a task whose container ran out of memory, or has no image, that it failed', async () => {
      const runId = await server.trigger('failing')
      expect(await server.runEnd('failing', runId)).toBe('failed')
      await eventually(async () => (await boxes()).length === 0, { timeoutMs: 20_000 })
    })

    it('refuses what a task misspells of its container when the Dag is parsed', async () => {
      const { stdout, stderr } = await eventually(async () => {
        const answer = await server.run('dags', 'list-import-errors')
        return answer.stdout.includes('misspelt') ? answer : null
      })
      expect(stdout + stderr).toContain('memory')
    })

    it('finds a container again after the server died, and removes it when the task is cancelled', async () => {
      const runId = await server.trigger('long')
      const [name] = await eventually(async () => {
        const running = await boxes('running')
        return running.length === 1 ? running : null
      })
      await server.kill('SIGKILL')
      await server.start()
      expect(await boxes('running')).toEqual([name])
      const { exitCode, stderr } = await server.run('runs', 'cancel', 'long', runId)
      expect(exitCode, stderr).toBe(0)
      await eventually(async () => (await boxes()).length === 0, { timeoutMs: 30_000 })
    })

    it('is certified from the command line, with the hooks that its class brings along', async () => {
      const only = ['--only', 'FX-301', 'FX-305', 'FX-702']
      const check = ['executors', 'check', './executors/index.ts#DockerExecutor', '--settings', settings, ...only]
      const { exitCode, stdout, stderr } = await server.run(...check)
      expect(exitCode, stdout + stderr).toBe(0)
      expect(stdout).toContain('3 passed, 0 failed')
    })

    /** Names of this executor's containers, in one state or in any. */
    async function boxes(state: string | null = null): Promise<readonly string[]> {
      const containers = await engine.list(`${EXECUTOR_LABEL}=boxed`, AbortSignal.timeout(10_000))
      return containers.filter(({ State }) => state === null || State === state).flatMap(({ Names }) => Names)
    }
  },
)
