import { BaseExecutor } from '@fairlead/executor'
import { randomUUID } from 'node:crypto'
import { dispatchIdSchema } from '@fairlead/protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from '../config/index.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { NO_LOG } from '../observability/index.ts'
import { openIdleExecutors, type IdleExecutors } from './idle-executors.ts'
import { systemEnvironment } from './system-environment.ts'

class CountedExecutor extends BaseExecutor {
  static made = 0
  static started = 0
  readonly number = (CountedExecutor.made += 1)

  override async start(): Promise<void> {
    CountedExecutor.started += 1
  }
  override async executeAsync(): Promise<null> {
    return null
  }
  override async sync(): Promise<void> {}
  async remember(value: string): Promise<unknown> {
    await this.host.store.set('key', value)
    return await this.host.store.get('key')
  }
}

let database: Database
let idle: IdleExecutors

beforeEach(async () => {
  database = openDatabase({ url: ':memory:', pid: process.pid })
  await migrate(database)
  const loaded = {
    name: 'counted',
    reference: { kind: 'shortName', shortName: 'CountedExecutor' } as const,
    parallelism: 3,
    settings: {},
    otherNames: [],
    executorClass: CountedExecutor,
  }
  idle = openIdleExecutors(
    [loaded],
    {
      config: loadConfig({ cwd: '/work', env: {} }),
      database,
      environment: systemEnvironment(),
      log: NO_LOG,
      runFolder: { apiSocket: '/nonexistent/api.sock', forExecutor: () => '/nonexistent' },
    },
    { local: () => 'unix:/nonexistent', remote: () => 'http://127.0.0.1:1' },
  )
})

afterEach(() => database.close())

it('makes one instance of an executor, when it is asked for, and starts none', () => {
  const before = CountedExecutor.made
  expect(idle.executor('counted')).toBe(idle.executor('counted'))
  expect(CountedExecutor.made).toBe(before + 1)
  expect(CountedExecutor.started).toBe(0)
  expect(() => idle.executor('other')).toThrow('No executor named "other" is configured.')
})

it("gives it the executor's own store", async () => {
  const executor = idle.executor('counted') as CountedExecutor
  expect(await executor.remember('fact')).toBe('fact')
})

it('lets it report nothing, since nobody would hear it', () => {
  const executor = idle.executor('counted') as CountedExecutor
  expect(() => executor.success(dispatchIdSchema.parse(randomUUID()))).toThrow(
    /Executor "counted" reports "ended" of dispatch .* from a process that runs none of its work\. Keep/,
  )
})
