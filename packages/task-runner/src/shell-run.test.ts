import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { linesOf, superviseTasks } from '../../../testkit/supervised-tasks.ts'
import { identify } from './process-identity.ts'

const tasks = superviseTasks()

describe('a shell task', () => {
  it('succeeds by exit code 0, its last line is its value, and inputs are variables', async () => {
    tasks.api.xcoms.set('source/return_value', { a: "it's" })
    const inputs = [{ name: 'left', taskId: 'source', key: 'return_value' }]
    const { exit } = await tasks.runShell('echo first; echo "$FAIRLEAD_INPUT_LEFT"', { inputs })
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(tasks.api.xcoms.get('command/return_value')).toBe('{"a":"it\'s"}')
  })

  it('fails by its exit code, and skips by the one for that', async () => {
    const failed = await tasks.runShell('echo oh >&2; exit 7')
    expect(failed.exit).toEqual({ kind: 'exited', exitCode: 7 })
    expect(tasks.api.states.get(failed.id)).toMatchObject([{ state: 'failed', error: { name: 'NonZeroExit' } }])
    expect(linesOf(failed.log)).toContainEqual(expect.objectContaining({ event: 'oh', logger: 'task.stderr' }))
    const skipped = await tasks.runShell('exit 99')
    expect(tasks.api.states.get(skipped.id)).toMatchObject([{ state: 'skipped' }])
  })

  it('ends with all that it started, in the background too', async () => {
    const { log, exit } = await tasks.runShell('sleep 600 & echo "child $!"')
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(identify(Number(/child (\d+)/.exec(log)?.[1]))).toBeNull()
  })

  it('is timed out with its whole group', async () => {
    const { exit } = await tasks.runShell("trap '' TERM; sleep 600; sleep 600", { executionTimeoutMs: 200 })
    expect(exit).toEqual({ kind: 'timedOut', timeoutMs: 200 })
  })

  it('runs in an empty folder of its own that is gone afterwards', async () => {
    const { log } = await tasks.runShell('ls -A; pwd')
    const folder = linesOf(log).find(({ logger }) => logger === 'task.stdout')?.event ?? ''
    expect(folder).toContain('fairlead-shell-')
    expect(existsSync(folder)).toBe(false)
  })

  it('never starts in a folder that does not exist', async () => {
    const program = { kind: 'shell', command: 'true', env: {}, cwd: '/does/not/exist', skipOnExitCode: 99 } as const
    expect((await tasks.run('command', { program })).exit.kind).toBe('neverStarted')
  })
})
