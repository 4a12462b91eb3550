import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { conformance } from '@fairlead/executor/vitest'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll, beforeAll, describe } from 'vitest'
import { hooksOf } from '../../examples/docker-executor/src/conformance-hooks.ts'
import { DockerExecutor } from '../../examples/docker-executor/src/docker-executor.ts'
import { FaultySocket } from '../../testkit/docker/faulty-socket.ts'
import { DOCKER_COMMAND, dockerSocket, needsService } from '../../testkit/services.ts'
import { buildExampleImage, IMAGE } from './example-image.ts'

const engineSocket = dockerSocket()
describe.skipIf(engineSocket === null)(needsService('the example DockerExecutor', engineSocket, DOCKER_COMMAND), () => {
  const folder = mkdtempSync(join(tmpdir(), 'fl-docker-'))
  const socket = new FaultySocket(join(folder, 'engine.sock'), String(engineSocket))

  beforeAll(async () => {
    buildExampleImage(String(engineSocket))
    await socket.open()
  })
  afterAll(async () => {
    await socket.close()
    rmSync(folder, { recursive: true, force: true })
  })

  conformance({
    subject: {
      executorClass: DockerExecutor,
      settings: { socketPath: socket.path, image: IMAGE, killGraceMs: 1000 },
      executorConfig: { memoryMb: 512 },
      hooks: { ...hooksOf(String(engineSocket)), ...socket.hooks },
    },
    openLaboratory,
    patienceMs: 90_000,
    volume: 12,
  })
})
