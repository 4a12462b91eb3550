import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerFolder } from './server-folder.ts'

/** `fairlead executors check` of an executor whose settings its schema changes. */

const TIMED = `import { BaseExecutor } from '@fairlead/executor'

export class TimedExecutor extends BaseExecutor {
  /** Takes seconds as text, and leaves milliseconds: what it has left it would not take again. */
  static configSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (given) =>
        typeof given?.timeout === 'string' && /^\\d+s$/.test(given.timeout)
          ? { value: { timeout: Number.parseInt(given.timeout) * 1000 } }
          : { issues: [{ message: 'timeout must be seconds, as "5s"', path: ['timeout'] }] },
    },
  }

  constructor(host) {
    super(host)
    if (host.settings.timeout !== 5000) throw new Error('timeout is ' + host.settings.timeout)
  }

  async executeAsync() {
    return null
  }

  async sync() {}
}
`

const folder = new ServerFolder()
beforeAll(() => folder.write('executors/timed.ts', TIMED))
afterAll(() => folder.remove())

const check = (settings: string) =>
  folder.run([
    'executors',
    'check',
    './executors/timed.ts#TimedExecutor',
    '--level',
    'live-safe',
    '--settings',
    settings,
    '--only',
    'FX-106',
    'FX-201',
  ])

describe('checking an executor', () => {
  it('gives it its settings as its schema leaves them, once', async () => {
    const { stdout, stderr, exitCode } = await check('{"timeout":"5s"}')
    expect(stdout + stderr).not.toMatch(/not valid|timeout is/)
    expect(stdout).toMatch(/2 passed/)
    expect(exitCode).toBe(0)
  })

  it('refuses settings that are not valid, and names them', async () => {
    const { stderr, exitCode } = await check('{"timeout":5}')
    expect(stderr).toMatch(/settings of executor ".*" are not valid: .*timeout must be seconds/)
    expect(exitCode).not.toBe(0)
  })
})
