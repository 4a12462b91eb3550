import { describe, expect, it } from 'vitest'
import { profileForQueue } from './profile-for-queue.ts'
import { exitOfWorker } from './worker-exit.ts'

describe('the exit code of a worker', () => {
  it.each([
    [0, { kind: 'exited', exitCode: 0 }],
    [1, { kind: 'exited', exitCode: 1 }],
    [137, { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' }],
    [143, { kind: 'signaled', signal: 'SIGTERM', cause: 'killed_externally' }],
    [139, { kind: 'signaled', signal: 'SIGSEGV', cause: 'crashed' }],
    [134, { kind: 'signaled', signal: 'SIGABRT', cause: 'v8_abort' }],
    [255, { kind: 'exited', exitCode: 255 }],
  ])('%i is %o', (exitCode, exit) => {
    expect(exitOfWorker(exitCode)).toEqual(exit)
  })

  it.each([64, 65])('%i says that nothing ran', (exitCode) => {
    expect(exitOfWorker(exitCode).kind).toBe('neverStarted')
  })
})

describe('the profile of a queue', () => {
  const queues = { gpu: { cluster: 'g' } }
  it.each([
    ['any queue has none without a map', 'gpu', undefined, { kind: 'profile', profile: null }],
    ['a queue of the map has its own', 'gpu', queues, { kind: 'profile', profile: queues.gpu }],
    ['the default queue needs none', 'default', queues, { kind: 'profile', profile: null }],
  ])('%s', (_, queue, map, expected) => {
    expect(profileForQueue(queue, map)).toEqual(expected)
  })

  it.each(['gpus', 'toString'])('refuses the queue "%s" that is not in the map, and names those that are', (queue) => {
    expect(profileForQueue(queue, queues)).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('"gpu"') })
  })
})
