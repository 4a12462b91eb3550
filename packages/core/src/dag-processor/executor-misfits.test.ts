import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { setUpDagProcessor } from '../../../../testkit/dag-processor.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'
import type { ExecutorFacts } from './executor-facts.ts'

let parseScript: string
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  const built = await buildParseScript()
  parseScript = built.path
  return built.remove
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

class PlainExecutor {
  static readonly isLocal = false
}

class Cloud {
  static readonly maxRuntimeMs = 900_000
  static readonly maxPayloadBytes = 8192
  static readonly supportsCancel = true
  static readonly executorConfigSchema = z.strictObject({
    cpu: z.number(),
    disks: z.array(z.strictObject({ gib: z.int() })).optional(),
  })
}

const hanging = { '~standard': { version: 1, vendor: 'test', validate: () => new Promise<never>(() => {}) } } as const

const EXECUTORS: readonly ExecutorFacts[] = [
  { name: 'plain', otherNames: ['PlainExecutor'], executorClass: PlainExecutor },
  { name: 'cloud', executorClass: Cloud },
  {
    name: 'able',
    executorClass: { supportsAdoption: true, supportsCallbacks: true, servesLogs: true, supportsCancel: true },
  },
  { name: 'silent', executorClass: { executorConfigSchema: hanging } },
]

async function errorOf(dag: string, options = ''): Promise<object | null> {
  const text = `import { Dag } from 'fairlead'\nconst dag = new Dag('sales'${options})\n${dag}\n`
  const setup = setUpDagProcessor(parseScript, { 'sales.ts': text }, { executors: EXECUTORS })
  cleanups.push(setup.close)
  await setup.processor.refresh()
  const error = setup.sink.errors.get('sales.ts') ?? null
  return error === null ? null : { code: error.code, message: error.message, line: error.line }
}

const task = (options: string): string => `dag.task('load', () => 1, { ${options} })()`
const minutes = 'executionTimeout: { minutes: 10 }'

describe('a Dag that its executors can run is imported', () => {
  it.each([
    [
      'a config that the schema takes',
      task(`executor: 'cloud', ${minutes}, executorConfig: { cpu: 2, disks: [{ gib: 1 }] }`),
    ],
    ['needs that are met', task(`executor: 'able', needs: ['adoption', 'callbacks', 'cancel', 'liveLogs']`)],
    ['an executor named by its class', task(`executor: 'PlainExecutor'`)],
    ['no config where none is taken', task(`executor: 'plain'`)],
  ])('%s', async (_name, dag) => {
    expect(await errorOf(dag)).toBeNull()
  })
})

describe('a Dag that asks for what its executor cannot do is not imported', () => {
  it.each<[string, string, string, string]>([
    [
      'a value in its config that the schema refuses',
      task(`executor: 'cloud', ${minutes}, executorConfig: { cpu: 2, disks: [{ gib: 1 }, { gib: 'two' }] }`),
      'EXECUTOR_CONFIG_INVALID',
      'Task "load" of Dag "sales" gives an executorConfig that executor "cloud" (Cloud) takes: disks.1.gib: Invalid input: expected number, received string. Correct executorConfig where the task is written, or choose another executor.',
    ],
    [
      'no config where one is mandatory',
      task(`executor: 'cloud', ${minutes}`),
      'EXECUTOR_CONFIG_INVALID',
      'Task "load" of Dag "sales" gives no executorConfig that executor "cloud" (Cloud) takes: cpu: Invalid input: expected number, received undefined.',
    ],
    [
      'a config where none is taken',
      task(`executor: 'PlainExecutor', executorConfig: { cpu: 1 }`),
      'EXECUTOR_CONFIG_INVALID',
      'Task "load" of Dag "sales" gives an executorConfig, and executor "plain" (PlainExecutor) takes none. Remove it, or choose an executor that takes one.',
    ],
    [
      'a config where the default executor takes none',
      task('executorConfig: { cpu: 1 }'),
      'EXECUTOR_CONFIG_INVALID',
      'executor "plain" (PlainExecutor) takes none.',
    ],
    ...(['adoption', 'callbacks', 'cancel', 'liveLogs'] as const).map((need): [string, string, string, string] => [
      `the need "${need}"`,
      task(`needs: ['${need}']`),
      'EXECUTOR_CANNOT',
      `Choose an executor that can, or remove "${need}" from its needs.`,
    ]),
    [
      'a need of a shell task',
      `dag.shell('load', 'true', { needs: ['cancel'] })()`,
      'EXECUTOR_CANNOT',
      'Task "load" of Dag "sales" needs "cancel", and executor "plain" (PlainExecutor) cannot stop work that runs.',
    ],
    [
      'more time than there is',
      task(`executor: 'cloud', executionTimeout: { hours: 2 }, executorConfig: { cpu: 1 }`),
      'EXECUTOR_RUNTIME_EXCEEDED',
      'Task "load" of Dag "sales" may run for 2 h, and executor "cloud" (Cloud) runs nothing for longer than 15 min. Give it an executionTimeout of no more than that, or choose another executor.',
    ],
    [
      'no limit where one is needed',
      task(`executor: 'cloud', executorConfig: { cpu: 1 }`),
      'EXECUTOR_RUNTIME_EXCEEDED',
      'Task "load" of Dag "sales" has no executionTimeout, and executor "cloud" (Cloud) runs nothing for longer than 15 min.',
    ],
    [
      'a workload that is too large',
      `dag.shell('load', ${JSON.stringify('x'.repeat(9000))}, { executor: 'cloud', ${minutes}, executorConfig: { cpu: 1 } })()`,
      'EXECUTOR_WORKLOAD_TOO_LARGE',
      'bytes, and executor "cloud" (Cloud) passes on 8192 at most.',
    ],
    [
      'the check of a schema that never answers',
      task(`executor: 'silent'`),
      'EXECUTOR_CONFIG_INVALID',
      'executor "silent" takes: its schema did not answer within 5000 ms.',
    ],
    [
      'an executor that nobody knows',
      task(`executor: 'clod'`),
      'EXECUTOR_NOT_FOUND',
      'remove it from task "load" of Dag "sales"',
    ],
  ])('%s', async (_name, dag, code, message) => {
    expect(await errorOf(dag)).toEqual({ code, message: expect.stringContaining(message) as string, line: 3 })
  })

  it('whose second choice cannot', async () => {
    expect(await errorOf(task(`executor: ['able', 'plain'], needs: ['cancel']`))).toMatchObject({
      code: 'EXECUTOR_CANNOT',
      message: expect.stringContaining('executor "plain" (PlainExecutor) cannot stop work that runs') as string,
    })
  })

  it('whose executor the Dag itself names', async () => {
    expect(await errorOf(task(''), ", { executor: 'cloud' }")).toMatchObject({ code: 'EXECUTOR_RUNTIME_EXCEEDED' })
  })
})
