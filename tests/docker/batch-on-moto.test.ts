import { ListJobsCommand, RegisterJobDefinitionCommand } from '@aws-sdk/client-batch'
import { BatchExecutor } from '@fairlead/executor-aws/batch'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { STAGE, type Place } from '../../testkit/aws/model/set-request.ts'
import { startMoto, type MotoServer } from '../../testkit/aws/moto/moto-server.ts'
import { placeOnMoto } from '../../testkit/aws/moto/place-on-moto.ts'
import { eventually } from '../../testkit/eventually.ts'
import { ExecutorBench } from '../../testkit/executor-bench.ts'
import { DOCKER_COMMAND, dockerSocket, motoPython, needsService } from '../../testkit/services.ts'
import { buildExampleImage, IMAGE } from './example-image.ts'
import { buildWorkerImage } from './worker-image.ts'

/**
 * The executor on another double than our own: moto's Batch runs the worker's image in a real engine. moto describes no
 * exit codes and keeps no retry strategy; so the word of the worker decides, as it does anyway.
 */

const engineSocket = dockerSocket()
const python = motoPython()
const provided = engineSocket === null || python === null ? null : python
const COMMAND = DOCKER_COMMAND.replace('--docker', '--docker --moto')
const WORKER_IMAGE = 'fairlead-worker:moto'
const REGION = 'eu-central-1'

describe.skipIf(provided === null)(needsService('the BatchExecutor on moto', provided, COMMAND), () => {
  let moto: MotoServer
  let laboratory: Awaited<ReturnType<typeof openLaboratory>>
  let batch: Place['batch']
  let stand: ExecutorBench

  beforeAll(async () => {
    const socket = String(engineSocket)
    buildExampleImage(socket)
    await buildWorkerImage(socket, WORKER_IMAGE, IMAGE)
    moto = await startMoto(String(python), socket)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAMOTO')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'any')
    batch = (await placeOnMoto(moto.url)).batch
    await batch.send(
      new RegisterJobDefinitionCommand({
        jobDefinitionName: 'worker',
        type: 'container',
        containerProperties: {
          image: WORKER_IMAGE,
          resourceRequirements: [
            { type: 'VCPU', value: '0.25' },
            { type: 'MEMORY', value: '512' },
          ],
        },
      }),
    )
    laboratory = await openLaboratory({ executorClass: BatchExecutor })
    stand = new ExecutorBench({
      executorClass: BatchExecutor,
      settings: {
        endpoint: moto.url,
        region: REGION,
        jobQueue: STAGE.jobQueue,
        jobDefinition: 'worker',
        apiUrl: laboratory.apiUrl,
        poll: { shortestMs: 200 },
        missingGraceMs: 1000,
      },
    })
  }, 120_000)
  afterAll(async () => {
    await stand.executor.terminate()
    batch.destroy()
    await laboratory.close()
    await moto.close()
    vi.unstubAllEnvs()
  })

  it('submits a job once, whose container fetches its task and runs it to its end', async () => {
    const [workload] = await laboratory.mint('succeed', 1)
    if (workload === undefined) throw new Error('The laboratory made no workload.')
    stand.handOver(workload)
    await stand.begin()
    expect(await ended(stand, workload)).toEqual({ kind: 'exited', exitCode: 0 })
    expect(await laboratory.attemptOf(workload)).toMatchObject({ state: 'success', grants: 1 })
    const filters = [{ name: 'JOB_NAME', values: [`fairlead-bench-${workload.taskInstance.dispatchId}`] }]
    const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue: STAGE.jobQueue, filters }))
    expect(jobSummaryList).toHaveLength(1)
  }, 120_000)

  it('says of a task that failed that it did', async () => {
    const [workload] = await laboratory.mint('fail', 1)
    if (workload === undefined) throw new Error('The laboratory made no workload.')
    stand.handOver(workload)
    await stand.begin()
    expect(await ended(stand, workload)).not.toEqual({ kind: 'exited', exitCode: 0 })
    expect(await laboratory.attemptOf(workload)).toMatchObject({ state: 'failed', grants: 1 })
  }, 120_000)

  it('finds a running job again, and stops it', async () => {
    const [workload] = await laboratory.mint('speak', 1)
    if (workload === undefined) throw new Error('The laboratory made no workload.')
    stand.handOver(workload)
    await stand.begin()
    await eventually(async () => (await laboratory.attemptOf(workload)).grants === 1, { timeoutMs: 60_000 })
    stand.replace()
    expect(await stand.adopt(workload)).toEqual([])
    let isOver = false
    const revoked = stand.revoke(workload, AbortSignal.timeout(60_000)).finally(() => (isOver = true))
    await eventually(() => (stand.clock.advance(200), isOver), { timeoutMs: 60_000 })
    await revoked
    expect(stand.executor.slotsOccupied).toBe(0)
    expect(stand.endsOf(workload)).toEqual([])
  }, 120_000)
})

async function ended(stand: ExecutorBench, workload: Parameters<ExecutorBench['endsOf']>[0]) {
  return await eventually(
    async () => {
      stand.clock.advance(500)
      await stand.sync()
      return stand.endsOf(workload)[0]
    },
    { timeoutMs: 90_000, everyMs: 200 },
  )
}
