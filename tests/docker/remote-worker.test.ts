import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
    const name = await eventually(() => readdirSync(folder).find((file) => file.endsWith('.json')))
    const { environment } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { environment: object }
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

  function specOf(environment: object): object {
    return {
      Image: WORKER_IMAGE,
      Hostname: 'far-away',
      Env: Object.entries(environment).map(([key, value]) => `${key}=${String(value)}`),
      HostConfig: { NetworkMode: 'host', Init: true },
    }
  }

  async function textOf(name: string): Promise<string> {
    const log = await engine.logs(name, false)
    const parts: string[] = []
    if (log !== null) for await (const text of textOfFrames(log)) parts.push(text)
    return parts.join('')
  }
})

function soon(): AbortSignal {
  return AbortSignal.timeout(20_000)
}
