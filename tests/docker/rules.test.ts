import { describe, expect, it } from 'vitest'
import { exitOfContainer } from '../../examples/docker-executor/src/exit-of-container.ts'
import { textOfFrames } from '../../examples/docker-executor/src/log-frames.ts'
import { settingsSchema, taskConfigSchema } from '../../examples/docker-executor/src/settings.ts'

describe('how an ended container ended', () => {
  const state = { Status: 'exited', ExitCode: 0, OOMKilled: false, Error: '' }

  it.each([
    ['its exit code, when its worker could not speak', { ExitCode: 3 }, { kind: 'exited', exitCode: 3 }],
    ['a kill', { ExitCode: 137 }, { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' }],
    ['a crash', { ExitCode: 139 }, { kind: 'signaled', signal: 'SIGSEGV', cause: 'crashed' }],
    [
      'a lack of memory',
      { ExitCode: 137, OOMKilled: true },
      { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' },
    ],
    [
      'a start that failed',
      { ExitCode: 127, Error: 'no such file: /bin/node' },
      { kind: 'neverStarted', detail: 'no such file: /bin/node' },
    ],
    [
      'a worker that said nothing, which is no success',
      {},
      { kind: 'lost', detail: 'the container ended in order, and its worker left no verdict' },
    ],
  ])('is %s', (_what, facts, exit) => {
    expect(exitOfContainer({ ...state, ...facts }, null)).toEqual(exit)
  })

  it('is the verdict of its worker before anything else', () => {
    const verdict = { kind: 'timedOut', timeoutMs: 5 } as const
    expect(exitOfContainer({ ...state, ExitCode: 137, OOMKilled: true }, verdict)).toEqual(verdict)
  })
})

describe('the text of a log', () => {
  const frames = Buffer.concat(['{"event":"grüße"}\n', '', '{"event":"zwei"}\n'].map(frame))

  it.each([1, 5, 9, frames.length])('is whole when it arrives in pieces of %i bytes', async (size) => {
    const parts: string[] = []
    for await (const text of textOfFrames(piecesOf(frames, size))) parts.push(text)
    expect(parts.join('')).toBe('{"event":"grüße"}\n{"event":"zwei"}\n')
  })
})

describe('what is refused by its name', () => {
  it.each([
    [
      settingsSchema,
      { sockett: '/x' },
      '"sockett" is unknown; known are socketPath, image, network, apiUrl, killGraceMs',
    ],
    [settingsSchema, { killGraceMs: '5s' }, '"killGraceMs" must be a number above 0'],
    [taskConfigSchema, { memory: '1g' }, '"memory" is unknown; known are image, memoryMb, cpus, env'],
    [taskConfigSchema, { env: { RATE: 3 } }, '"env" must map names to texts'],
    [taskConfigSchema, 'big', 'must be an object'],
  ])('%#', async (schema, value, message) => {
    const { issues } = await schema['~standard'].validate(value)
    expect(issues?.map((issue) => issue.message)).toEqual([message])
  })
})

it('settings that were validated once are valid again, as they are', async () => {
  const { validate } = settingsSchema['~standard']
  const first = await validate({ killGraceMs: 1 })
  expect(await validate('value' in first ? first.value : null)).toEqual(first)
})

function frame(text: string): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(1)
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
