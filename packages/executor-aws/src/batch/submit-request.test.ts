import { describe, expect, it } from 'vitest'
import { batchTaskConfigSchema, type BatchProfile } from './batch-settings.ts'
import { submitRequest } from './submit-request.ts'

const BASE = { jobQueue: 'line', jobDefinition: 'worker:3' }
const request = (...layers: BatchProfile[]) =>
  submitRequest({ jobName: 'a-job', layers: [BASE, ...layers], workerEnvironment: { FAIRLEAD__WORKER__TICKET: 't' } })

describe('the request for a job', () => {
  it('says what the settings say, runs once, and tells the worker what it must know', () => {
    expect(request()).toEqual({
      jobName: 'a-job',
      jobQueue: 'line',
      jobDefinition: 'worker:3',
      containerOverrides: { environment: [{ name: 'FAIRLEAD__WORKER__TICKET', value: 't' }] },
      retryStrategy: { attempts: 1 },
    })
  })

  it('takes queue and definition of the last layer that names them', () => {
    const { jobQueue, jobDefinition } = request({ jobQueue: 'gpu' }, { jobDefinition: 'big' })
    expect({ jobQueue, jobDefinition }).toEqual({ jobQueue: 'gpu', jobDefinition: 'big' })
  })

  it('keeps the vcpus of one layer beside the memory of another', () => {
    const { resourceRequirements } = request(
      { vcpus: 0.5, memoryMiB: 512 },
      { memoryMiB: 4096, gpus: 1 },
    ).containerOverrides
    expect(resourceRequirements).toEqual([
      { type: 'VCPU', value: '0.5' },
      { type: 'MEMORY', value: '4096' },
      { type: 'GPU', value: '1' },
    ])
  })

  it('merges environment, parameters and tags by name, and a null takes a name away', () => {
    const { containerOverrides, parameters, tags } = request(
      { env: { A: '1', B: '1' }, parameters: { p: '1', q: '1' }, tags: { team: 'a', cost: 'b' } },
      { env: { B: '2', A: null }, parameters: { q: '2' }, tags: { cost: null, Mixed_Case: 'kept' } },
    )
    expect(containerOverrides.environment).toEqual([
      { name: 'B', value: '2' },
      { name: 'FAIRLEAD__WORKER__TICKET', value: 't' },
    ])
    expect(parameters).toEqual({ p: '1', q: '2' })
    expect(tags).toEqual({ team: 'a', Mixed_Case: 'kept' })
  })

  it('passes on timeout, share, priority and command, and a null takes them away', () => {
    const all = { timeoutSeconds: 60, shareIdentifier: 'teamA', schedulingPriority: 7, command: ['node', 'worker.cjs'] }
    expect(request(all)).toMatchObject({
      timeout: { attemptDurationSeconds: 60 },
      shareIdentifier: 'teamA',
      schedulingPriorityOverride: 7,
      containerOverrides: { command: ['node', 'worker.cjs'] },
    })
    const none = { timeoutSeconds: null, shareIdentifier: null, schedulingPriority: null, command: null }
    expect(request(all, none)).toEqual(request())
  })

  it('changes nothing of what it is made of, however often it is made', () => {
    const layer = Object.freeze({ env: Object.freeze({ A: '1' }) })
    expect(request(layer)).toEqual(request(layer))
  })

  it('is refused by its size before it is sent', () => {
    expect(() => request({ env: { A: 'x'.repeat(31_000) } })).toThrow(/^The request for the job is 31\d+ bytes/)
  })

  it('is refused with more tags than AWS takes', () => {
    const tags = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`t${index}`, 'v']))
    expect(() => request({ tags })).toThrow('51 tags')
  })
})

describe('what a task may say of its job', () => {
  it.each([
    [{ jobName: 'mine' }, '"jobName" cannot be set for a task'],
    [{ retryStrategy: { attempts: 3 } }, '"retryStrategy" cannot be set for a task'],
    [{ arrayProperties: { size: 2 } }, '"arrayProperties" cannot be set for a task'],
    [{ nodeOverrides: {} }, '"nodeOverrides" cannot be set for a task'],
    [{ eksPropertiesOverride: {} }, '"eksPropertiesOverride" cannot be set for a task'],
    [{ command: ['sh'] }, '"command" cannot be set for a task'],
    [{ dependsOn: [] }, '"dependsOn" cannot be set for a task'],
    [{ env: { AWS_BATCH_JOB_ID: 'x' } }, 'is reserved for AWS Batch'],
    [{ env: { FAIRLEAD__WORKER__TICKET: 'x' } }, 'is reserved for Fairlead'],
    [{ env: { '1A': 'x' } }, 'Invalid key in record'],
    [{ memory: 512 }, 'Unrecognized key: "memory"'],
    [{ timeoutSeconds: 59 }, 'Too small: expected number to be >=60'],
    [{ memoryMiB: '1g' }, 'Invalid input: expected number, received string'],
  ])('does not include %j', (config, message) => {
    const { error } = batchTaskConfigSchema.safeParse(config)
    expect(error?.issues[0]?.message).toContain(message)
  })
})
