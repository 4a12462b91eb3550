import { describe, expect, it } from 'vitest'
import { classifyTask, exitOfVerdict } from './classify-task.ts'
import type { EcsTask } from './ecs-task.ts'

const STARTED = new Date(0)
const told = {
  containerOverrides: [{ name: 'worker', environment: [{ name: 'FAIRLEAD__WORKER__DISPATCH_ID', value: 'x' }] }],
}

interface Seen extends Partial<EcsTask> {
  /** Of the worker's container. */
  readonly exitCode?: number
  readonly reason?: string
  readonly sidecar?: number
}

function task({ exitCode, reason, sidecar, ...seen }: Seen): EcsTask {
  const { lastStatus = 'STOPPED', desiredStatus = 'STOPPED' } = seen
  const containerStatus = lastStatus === 'STOPPED' || exitCode !== undefined ? 'STOPPED' : 'RUNNING'
  return {
    taskArn: 'arn',
    lastStatus,
    desiredStatus,
    overrides: told,
    ...seen,
    containers: [
      ...(sidecar === undefined ? [] : [{ name: 'sidecar', lastStatus: 'STOPPED', exitCode: sidecar }]),
      {
        name: 'worker',
        lastStatus: containerStatus,
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(reason === undefined ? {} : { reason }),
      },
    ],
  }
}

const living = (lastStatus: string, desiredStatus = 'RUNNING') => task({ lastStatus, desiredStatus })

describe('the verdict on a task', () => {
  it.each<[string, EcsTask, string]>([
    ['is on its way', living('PROVISIONING'), 'starting'],
    ['is on its way', living('PENDING'), 'starting'],
    ['is on its way', living('ACTIVATING'), 'starting'],
    ['is in a status that nobody knows', living('MOORING'), 'starting'],
    ['runs', living('RUNNING'), 'running'],
    ['is asked to stop', living('RUNNING', 'STOPPED'), 'stopping'],
    ['stops', living('DEACTIVATING', 'STOPPED'), 'stopping'],
    ['stops', living('STOPPING', 'STOPPED'), 'stopping'],
    ['is tidied up, its worker having ended', { ...task({ lastStatus: 'DEPROVISIONING', exitCode: 0 }) }, 'succeeded'],
    ['ended with 0', task({ exitCode: 0, startedAt: STARTED, stopCode: 'EssentialContainerExited' }), 'succeeded'],
    [
      'ended with 0 before ECS noticed its start',
      task({ exitCode: 0, stopCode: 'EssentialContainerExited' }),
      'succeeded',
    ],
    ['ended with 0, and its sidecar was killed', task({ exitCode: 0, sidecar: 137, startedAt: STARTED }), 'succeeded'],
    ['ended with 1', task({ exitCode: 1, startedAt: STARTED }), 'userFailed'],
    ['ended with 100, and its sidecar well', task({ exitCode: 100, sidecar: 0, startedAt: STARTED }), 'userFailed'],
    ['had its ticket refused', task({ exitCode: 64, startedAt: STARTED }), 'neverStarted'],
    ['did not reach the API', task({ exitCode: 65, startedAt: STARTED }), 'neverStarted'],
    [
      'could not pull its image',
      task({ stopCode: 'TaskFailedToStart', stoppedReason: 'CannotPullContainerError: no such image' }),
      'neverStarted',
    ],
    ['was stopped before it started', task({ stopCode: 'UserInitiated', stoppedReason: 'by hand' }), 'neverStarted'],
    [
      'ran out of memory',
      task({ exitCode: 137, reason: 'OutOfMemoryError: too much', startedAt: STARTED }),
      'diedAfterStart',
    ],
    ['was killed', task({ exitCode: 137, startedAt: STARTED, stopCode: 'EssentialContainerExited' }), 'diedAfterStart'],
    [
      'lost its Spot machine',
      task({ exitCode: 143, startedAt: STARTED, stopCode: 'SpotInterruption' }),
      'diedAfterStart',
    ],
    ['ended without an exit code', task({ startedAt: STARTED, stoppedReason: 'Host EC2 terminated.' }), 'unknown'],
  ])('when it %s', (_, seen, kind) => {
    expect(classifyTask(seen).kind).toBe(kind)
  })

  it('says why', () => {
    const stopped = task({
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'ResourceInitializationError: no route',
      reason: 'x',
    })
    expect(classifyTask(stopped)).toEqual({
      kind: 'neverStarted',
      why: 'TaskFailedToStart: ResourceInitializationError: no route: x',
    })
  })

  it('knows the worker of a task with one container alone, when ECS does not echo the overrides', () => {
    const seen: EcsTask = { lastStatus: 'STOPPED', containers: [{ name: 'main', exitCode: 3, lastStatus: 'STOPPED' }] }
    expect(classifyTask(seen)).toEqual({ kind: 'userFailed', exitCode: 3 })
  })
})

describe('the end that is reported', () => {
  it.each<[EcsTask, object | null]>([
    [living('RUNNING'), null],
    [living('PENDING'), null],
    [task({ exitCode: 0, startedAt: STARTED }), { kind: 'exited', exitCode: 0 }],
    [task({ exitCode: 7, startedAt: STARTED }), { kind: 'exited', exitCode: 7 }],
    [task({ exitCode: 64, startedAt: STARTED }), { kind: 'neverStarted', detail: expect.stringContaining('refused') }],
    [
      task({ exitCode: 137, startedAt: STARTED, reason: 'OutOfMemoryError: too much' }),
      { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' },
    ],
    [
      task({ exitCode: 143, startedAt: STARTED, stopCode: 'UserInitiated' }),
      { kind: 'signaled', signal: 'SIGTERM', cause: 'killed_externally' },
    ],
    [
      task({
        exitCode: 143,
        startedAt: STARTED,
        stopCode: 'SpotInterruption',
        stoppedReason: 'Your Spot Task was interrupted.',
      }),
      { kind: 'lost', detail: 'SpotInterruption: Your Spot Task was interrupted.' },
    ],
    [
      task({ stopCode: 'TaskFailedToStart', stoppedReason: 'no image' }),
      { kind: 'neverStarted', detail: 'TaskFailedToStart: no image' },
    ],
  ])('of %o', (seen, exit) => {
    expect(exitOfVerdict(classifyTask(seen), false)).toEqual(exit)
  })

  it('of a task without an exit code waits for one, and then calls it lost: never for ever, never begun again', () => {
    const verdict = classifyTask(task({ startedAt: STARTED, stoppedReason: 'Host EC2 terminated.' }))
    expect(exitOfVerdict(verdict, false)).toBe(null)
    expect(exitOfVerdict(verdict, true)).toMatchObject({ kind: 'lost', detail: expect.stringContaining('Host EC2') })
  })
})
