import { describe, expect, it } from 'vitest'
import { BatchStage, QUEUE, DEFINITION } from '../../../../testkit/batch-stage.ts'

const stage = new BatchStage()

describe('the health check', () => {
  const check = async (settings: object = {}): Promise<void> => {
    await stage.bench('exit 0', settings).executor.start(AbortSignal.timeout(10_000))
  }

  it('passes where everything is there, and submits nothing', async () => {
    await check()
    expect(stage.double.batch.jobs()).toEqual([])
  })

  it.each<[string, object, string]>([
    ['a queue that is not there', { jobQueue: 'nowhere' }, 'There is no job queue "nowhere"'],
    ['a queue of a profile', { queues: { x: { jobQueue: 'nowhere' } } }, 'There is no job queue "nowhere"'],
    ['a definition that is not there', { jobDefinition: 'nothing' }, 'There is no active job definition "nothing"'],
  ])('says which is wrong: %s', async (_what, settings, message) => {
    await expect(check(settings)).rejects.toThrow(message)
  })

  it('says that a queue is disabled, or invalid', async () => {
    stage.double.batch.defineQueue({ name: QUEUE, state: 'DISABLED' })
    await expect(check()).rejects.toThrow('The job queue "line" is DISABLED')
    stage.double.batch.defineQueue({ name: QUEUE, status: 'INVALID' })
    await expect(check()).rejects.toThrow('The job queue "line" is INVALID')
  })

  it('says that a definition is inactive, or for many nodes', async () => {
    stage.double.batch.deregisterJobDefinition(stage.double.batch.findDefinition(DEFINITION)?.arn ?? '')
    await expect(check()).rejects.toThrow('no active job definition "worker"')
    stage.double.batch.defineJobDefinition({ name: DEFINITION, type: 'multinode' })
    await expect(check()).rejects.toThrow('is for multi-node parallel jobs')
  })

  it('names a permission that is missing', async () => {
    const denied = { kind: 'error', code: 'AccessDeniedException', message: 'not authorized', status: 403 } as const
    stage.double.faults.next('batch:SubmitJob', denied)
    await expect(check()).rejects.toThrow(
      'The permission batch:SubmitJob is missing: AccessDeniedException: not authorized',
    )
    stage.double.faults.next('batch:TerminateJob', denied)
    await expect(check()).rejects.toThrow('The permission batch:TerminateJob is missing')
  })

  it('can be left out', async () => {
    await check({ checkHealth: false, jobQueue: 'nowhere' })
    expect(stage.double.calls.all()).toEqual({})
  })
})
