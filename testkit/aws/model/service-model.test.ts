import { DescribeJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { awsServiceModels, MOTO_COMMAND, needsService } from '../../services.ts'
import { startAwsDouble, type AwsDouble } from '../index.ts'
import type { Exchange } from '../server.ts'
import { destroy, placeOnDouble } from './place.ts'
import { problemsOfExchange, problemsOfRequest } from './problems-of-exchange.ts'
import { STAGE, type Place } from './set-request.ts'
import { sendRequestSet } from './send-request-set.ts'
import { loadServiceModels } from './service-model.ts'
import deviations from './service-model-deviations.json' with { type: 'json' }

const dataFolder = awsServiceModels()

describe.skipIf(dataFolder === null)(needsService('AWS service models', dataFolder, MOTO_COMMAND), () => {
  let models: ReturnType<typeof loadServiceModels>
  const exchanges: Exchange[] = []
  let double: AwsDouble
  let place: Place

  beforeAll(() => {
    models = loadServiceModels(dataFolder ?? '')
  })

  beforeEach(async () => {
    exchanges.length = 0
    double = await startAwsDouble({ onAnswer: (exchange) => exchanges.push(exchange) })
    place = placeOnDouble(double)
  })

  afterEach(async () => {
    destroy(place)
    await double.close()
  })

  it('every answer of the double is valid, but for deviations that are listed with their reason', async () => {
    await describeWaitingJob()
    await sendRequestSet(place)
    const problems = new Set(exchanges.flatMap((exchange) => problemsOfExchange(models, exchange)))
    expect([...problems].toSorted()).toEqual(Object.keys(deviations).toSorted())
  })

  async function describeWaitingJob(): Promise<void> {
    double.batch.hold('RUNNABLE')
    const { jobQueue, jobDefinition } = STAGE
    const { jobId = '' } = await place.batch.send(new SubmitJobCommand({ jobName: 'waits', jobQueue, jobDefinition }))
    await place.batch.send(new DescribeJobsCommand({ jobs: [jobId] }))
    double.batch.release('RUNNABLE')
  }

  it('every request of the set is valid, but for those that mean to break a limit', async () => {
    await sendRequestSet(place)
    const problems = exchanges.flatMap((exchange) => problemsOfRequest(models, exchange))
    expect(problems).toEqual([])
  })

  it('every error that a test can order is one of the service', async () => {
    for (const fault of ['throttle', 'serverError', 'expiredCredentials', 'unknownCredentials'] as const) {
      double.faults.begin('*', { kind: fault })
      await sendRequestSet(place).catch(() => undefined)
      double.faults.clear()
    }
    const problems = new Set(exchanges.flatMap((exchange) => problemsOfExchange(models, exchange)))
    expect([...problems]).toEqual([])
  })

  it('the double answers each operation that it says it knows, and the set asks for each', async () => {
    await sendRequestSet(place)
    const asked = new Set(exchanges.map(({ service, operation }) => `${service}:${operation}`))
    expect(double.operations().filter((operation) => !asked.has(operation))).toEqual([])
  })
})
