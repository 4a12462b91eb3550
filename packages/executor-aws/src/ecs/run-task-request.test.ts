import { describe, expect, it } from 'vitest'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { effectiveOptions } from './effective-options.ts'
import { taskOptionsSchema } from './options.ts'
import { problemOfRequest, runTaskRequest } from './run-task-request.ts'
import { settingsSchema } from './settings.ts'

const BASE = {
  cluster: 'jobs',
  taskDefinition: 'worker',
  containerName: 'main',
  network: { subnets: ['subnet-1'] },
  env: { LEVEL: 'settings', KEPT: 'settings' },
}

function optionsOf(settings: object, queue: string, own: unknown = {}) {
  return effectiveOptions(settingsSchema.parse({ ...BASE, ...settings }), queue, taskOptionsSchema.parse(own))
}

function requestOf(
  settings: object,
  own: unknown = {},
  { queue = 'default', request = 1, command }: Partial<{ queue: string; request: number; command: string[] }> = {},
) {
  const answer = optionsOf(settings, queue, own)
  if (answer.kind === 'refused') throw new Error(answer.detail)
  return runTaskRequest({
    executorName: 'ecs',
    workload,
    options: answer.options,
    worker: { apiUrl: 'https://api.example' },
    command,
    request,
  })
}

const workload = taskWorkload()
const { dispatchId } = workload.taskInstance
const workerVariables = [
  { name: 'FAIRLEAD__WORKER__API_URL', value: 'https://api.example' },
  { name: 'FAIRLEAD__WORKER__DISPATCH_ID', value: dispatchId },
  { name: 'FAIRLEAD__WORKER__TICKET', value: workload.token },
]

describe('a RunTask request', () => {
  it('is this, and the ticket is the only secret in it', () => {
    expect(requestOf({ launchType: 'FARGATE' })).toEqual({
      cluster: 'jobs',
      taskDefinition: 'worker',
      count: 1,
      clientToken: `${dispatchId}-1`,
      startedBy: `fairlead/ecs/${dispatchId}`,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      overrides: {
        containerOverrides: [
          {
            name: 'main',
            environment: [
              { name: 'LEVEL', value: 'settings' },
              { name: 'KEPT', value: 'settings' },
              ...workerVariables,
            ],
          },
        ],
      },
      tags: expect.arrayContaining([
        { key: 'fairlead:executor', value: 'ecs' },
        { key: 'fairlead:dispatch', value: dispatchId },
      ]),
    })
  })

  it('lays the task over the profile of its queue, and that over the settings', () => {
    const settings = {
      platformVersion: 'LATEST',
      queues: { big: { cluster: 'big', cpu: 1024, env: { LEVEL: 'queue', QUEUE: 'big' } } },
    }
    const request = requestOf(settings, { cpu: '2048', env: { LEVEL: 'task', KEPT: null } }, { queue: 'big' })
    expect(request).toMatchObject({ cluster: 'big', taskDefinition: 'worker', platformVersion: 'LATEST' })
    expect(request.overrides?.cpu).toBe('2048')
    expect(request.overrides?.containerOverrides?.[0]?.environment).toEqual([
      { name: 'LEVEL', value: 'task' },
      { name: 'QUEUE', value: 'big' },
      ...workerVariables,
    ])
  })

  it('gives the worker its container by name, wherever a sidecar stands', () => {
    const containers = [
      { name: 'proxy', cpu: 64 },
      { name: 'main', memory: 512, env: { OWN: '1' } },
    ]
    expect(requestOf({ env: null }, { containers }).overrides?.containerOverrides).toEqual([
      { name: 'main', memory: 512, environment: [{ name: 'OWN', value: '1' }, ...workerVariables] },
      { name: 'proxy', cpu: 64 },
    ])
  })

  it.each<[string, object, object, object]>([
    [
      'a launch type of the task',
      { capacityProviderStrategy: [{ capacityProvider: 'spot' }] },
      { launchType: 'FARGATE' },
      { launchType: 'FARGATE' },
    ],
    [
      'capacity providers of the task',
      { launchType: 'FARGATE' },
      { capacityProviderStrategy: [{ capacityProvider: 'spot', weight: 1 }] },
      { capacityProviderStrategy: [{ capacityProvider: 'spot', weight: 1 }] },
    ],
  ])('%s replaces the other way to say it', (_, settings, own, expected) => {
    const { launchType, capacityProviderStrategy } = requestOf(settings, own)
    expect({
      ...(launchType && { launchType }),
      ...(capacityProviderStrategy && { capacityProviderStrategy }),
    }).toEqual(expected)
  })

  it('has no platform version where there is no Fargate', () => {
    expect(requestOf({ launchType: 'EC2', platformVersion: 'LATEST' }).platformVersion).toBe(undefined)
  })

  it.each([
    [true, 'ENABLED'],
    [false, 'DISABLED'],
    [undefined, undefined],
  ])('says of a public address %o: %s', (assignPublicIp, expected) => {
    const network = { subnets: ['s'], ...(assignPublicIp === undefined ? {} : { assignPublicIp }) }
    expect(requestOf({ network }).networkConfiguration?.awsvpcConfiguration?.assignPublicIp).toBe(expected)
  })

  it('is built anew for each attempt: nothing of an earlier one is left in the options', () => {
    const own = { env: { A: '1' }, containers: [{ name: 'side', env: { B: '2' } }] }
    const first = requestOf({}, own)
    const again = requestOf({}, own, { request: 2 })
    expect(again).toEqual({ ...first, clientToken: `${dispatchId}-2` })
    expect(own).toEqual({ env: { A: '1' }, containers: [{ name: 'side', env: { B: '2' } }] })
  })

  it('is refused before it is sent when its overrides are too long, and says what to do', () => {
    expect(problemOfRequest(requestOf({}))).toBe(null)
    const problem = problemOfRequest(requestOf({}, { env: { LONG: 'x'.repeat(8192) } }))
    expect(problem).toMatch(/8\d{3} characters.*8192.*environmentFiles/)
  })

  it('runs another command where the settings name one', () => {
    expect(requestOf({}, {}, { command: ['fairlead-worker'] }).overrides?.containerOverrides?.[0]?.command).toEqual([
      'fairlead-worker',
    ])
  })
})

describe('the options of a task', () => {
  it.each(['count', 'startedBy', 'clientToken', 'command', 'overrides'])(
    'may not say "%s", and are told why',
    (key) => {
      const result = taskOptionsSchema.safeParse({ [key]: 1 })
      expect(result.error?.issues).toEqual([
        expect.objectContaining({
          path: [key],
          message: expect.stringContaining(`"${key}" cannot be set for a task.`),
        }),
      ])
    },
  )

  it.each<[string, object, RegExp]>([
    ['unknown', { cpuu: 1 }, /cpuu/],
    ['both', { launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'a' }] }, /not both/],
    ['reserved variables', { env: { FAIRLEAD__WORKER__TICKET: 'mine' } }, /Fairlead's own/],
    [
      'reserved variables of a container',
      { containers: [{ name: 'main', env: { FAIRLEAD__WORKER__API_URL: '' } }] },
      /Fairlead's own/,
    ],
    ['a container without a name', { containers: [{ cpu: 1 }] }, /name/],
    ['a wrong launch type', { launchType: 'LAMBDA' }, /EC2/],
  ])('refuse what is %s', (_, own, message) => {
    expect(JSON.stringify(taskOptionsSchema.safeParse(own).error?.issues)).toMatch(message)
  })

  it.each<[string, object, object, string]>([
    ['security groups without subnets', { network: null }, { network: { securityGroups: ['sg'] } }, 'subnets'],
    ['a container named twice', {}, { containers: [{ name: 'a' }, { name: 'a' }] }, 'twice'],
    ['no cluster', {}, { cluster: null }, '"cluster" is null'],
    [
      'too many tags',
      {},
      { tags: Object.fromEntries(Array.from({ length: 45 }, (_, index) => [`t${index}`, 'x'])) },
      '44 tags',
    ],
  ])('refuse %s', (_, settings, own, words) => {
    expect(optionsOf(settings, 'default', own)).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining(words),
    })
  })

  it('refuse a queue that has no profile, where queues have', () => {
    expect(optionsOf({ queues: { big: {} } }, 'bigg')).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('"big"'),
    })
  })
})
