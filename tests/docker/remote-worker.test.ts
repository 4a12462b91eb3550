import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine } from '../../examples/docker-executor/src/engine.ts'
import { textOfFrames } from '../../examples/docker-executor/src/log-frames.ts'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { DOCKER_COMMAND, dockerSocket, needsService } from '../../testkit/services.ts'
import { buildExampleImage, IMAGE } from './example-image.ts'
import { buildWorkerImage } from './worker-image.ts'

/** The image of a worker runs a task of which it is told an id and a ticket. It shares no file with the server. */

const engineSocket = dockerSocket()
const root = fileURLToPath(new URL('../..', import.meta.url))
const WORKER_IMAGE = 'fairlead-worker:test'

const DAG = `import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { Dag } from 'fairlead'

const dag = new Dag('shipped', { isPausedUponCreation: false })
dag.task('lands', () => {
  console.log(readFileSync(new URL('./words.txt', import.meta.url), 'utf8') + ' from ' + hostname() + ' as ' + process.getuid?.())
  if (existsSync(${JSON.stringify(root)})) throw new Error('this is the machine of the server')
  return 'landed'
}, { queue: 'held' })()

const waiting = new Dag('waiting', { isPausedUponCreation: false })
waiting.task('waits', async () => {
  console.log('it waits')
  await new Promise((resolve) => setTimeout(resolve, 600_000))
}, { queue: 'held' })()
`

describe.skipIf(engineSocket === null)(needsService("the worker's image", engineSocket, DOCKER_COMMAND), () => {
  const engine = new Engine(String(engineSocket))
  const folder = mkdtempSync(join(tmpdir(), 'fl-shipped-'))
  let server: FairleadServer

  beforeAll(async () => {
    buildExampleImage(String(engineSocket))
    await buildWorkerImage(String(engineSocket), WORKER_IMAGE, IMAGE)
    server = new FairleadServer({ 'shipped.ts': DAG, 'words.txt': 'greetings' })
    symlinkSync(join(root, 'node_modules'), join(server.folder, 'node_modules'))
    const executor = `${join(root, 'tests/e2e/reference-executor/index.ts')}#ReferenceExecutor`
    const configuration = { executors: { far: { executor, settings: { folder, worker: '' } } } }
    writeFileSync(join(server.folder, 'fairlead.config.mjs'), `export default ${JSON.stringify(configuration)}\n`)
    await server.start()
  })
  afterAll(async () => {
    await server.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  it('runs it as a user without rights, and leaves its log with the server and with the engine', async () => {
    const runId = await server.trigger('shipped')
    const environment = await handedOver('lands')
    await engine.create('shipped', specOf(environment), soon())
    try {
      await engine.start('shipped', soon())
      const { State } = await eventually(
        async () => {
          const container = await engine.inspect('shipped', soon())
          return container?.State.Status === 'exited' ? container : null
        },
        { timeoutMs: 60_000 },
      )
      const output = await textOf('shipped')
      expect(State.ExitCode, output).toBe(0)
      expect(output).toContain('greetings from far-away as 65532')
      expect(output).toContain('"event":"worker ends"')
    } finally {
      await engine.remove('shipped', soon())
    }
    expect(await server.runEnd('shipped', runId)).toBe('success')
    const { stdout } = await server.run('tasks', 'logs', 'shipped', runId, 'lands')
    expect(stdout).toContain('greetings from far-away as 65532')
  })

  it('ends its task when its container is stopped, as the first process there, and says so', async () => {
    const runId = await server.trigger('waiting')
    await engine.create('stopped', specOf(await handedOver('waits'), { Init: false }), soon())
    try {
      await engine.start('stopped', soon())
      await eventually(async () => (await textOf('stopped')).includes('it waits'), { timeoutMs: 30_000 })
      await stop('stopped')
      expect((await engine.inspect('stopped', soon()))?.State.ExitCode).toBe(143)
    } finally {
      await engine.remove('stopped', soon())
    }
    expect(await server.runEnd('waiting', runId)).toBe('failed')
    const { stdout } = await server.run('tasks', 'logs', 'waiting', runId, 'waits')
    expect(stdout).toContain('the worker was told to stop')
  })

  it('says with 64 that it was told nothing', async () => {
    await engine.create('untold', specOf({}), soon())
    try {
      await engine.start('untold', soon())
      await eventually(async () => (await engine.inspect('untold', soon()))?.State.Status === 'exited')
      expect((await engine.inspect('untold', soon()))?.State.ExitCode).toBe(64)
      expect(await textOf('untold')).toContain('FAIRLEAD__WORKER__API_URL is missing')
    } finally {
      await engine.remove('untold', soon())
    }
  })

  /** The environment that the executor wrote down for a task. */
  function handedOver(taskId: string): Promise<object> {
    return eventually(() => {
      const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
      const rows = files.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Row)
      return rows.find((row) => row.taskId === taskId)?.environment
    })
  }

  /** Asks the container to end, and waits until it has. */
  function stop(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const path = `/containers/${name}/stop?t=20`
      request({ socketPath: String(engineSocket), method: 'POST', path, agent: false }, (response) => {
        response.resume().once('end', resolve)
      })
        .once('error', reject)
        .end()
    })
  }

  function specOf(environment: object, hostConfig: object = { Init: true }): object {
    return {
      Image: WORKER_IMAGE,
      Hostname: 'far-away',
      Env: Object.entries(environment).map(([key, value]) => `${key}=${String(value)}`),
      HostConfig: { NetworkMode: 'host', ...hostConfig },
    }
  }

  async function textOf(name: string): Promise<string> {
    const log = await engine.logs(name, false)
    const parts: string[] = []
    if (log !== null) for await (const text of textOfFrames(log)) parts.push(text)
    return parts.join('')
  }
})

interface Row {
  readonly taskId: string
  readonly environment: object
}

function soon(): AbortSignal {
  return AbortSignal.timeout(20_000)
}
