import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { linesOf, superviseTasks } from '../../../testkit/supervised-tasks.ts'
import { taskWorkload } from '../../../testkit/workloads.ts'

const tasks = superviseTasks()

describe('the cause of a death', () => {
  it('is a V8 abort when the heap is full', async () => {
    const { exit, id } = await tasks.run('heap', {}, { nodeOptions: ['--max-old-space-size=40'] })
    expect(exit).toEqual({ kind: 'signaled', signal: 'SIGABRT', cause: 'v8_abort' })
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed', error: { name: 'V8Abort' } }])
  })

  it('is a crash when native code aborts', async () => {
    expect((await tasks.run('abort')).exit).toEqual({ kind: 'signaled', signal: 'SIGABRT', cause: 'crashed' })
  })

  it('is an outside kill when nobody of ours sent it', async () => {
    const { exit } = await tasks.run('waits', {}, { onRunning: (pid) => process.kill(pid, 'SIGKILL') })
    expect(exit).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
  })

  const group = memoryGroup()
  it.skipIf(group === null)(
    'is the kernel out of memory in a control group (needs root and a memory controller)',
    async () => {
      const { exit } = await tasks.run('memory', {}, { onRunning: (pid) => group?.limit(pid, 150 * 1024 * 1024) })
      group?.remove()
      expect(exit).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' })
    },
  )

  it('is the first one', async () => {
    const supervised = tasks.supervise(taskWorkload('deaf', { executionTimeoutMs: 200 }), {})
    const running = supervised.run()
    await eventually(() => linesOf(tasks.lastLog()).some(({ event }) => event === 'task is being ended'))
    supervised.interrupt({ kind: 'cancelled', detail: 'too late' })
    expect(await running).toEqual({ kind: 'timedOut', timeoutMs: 200 })
  })
})

/** A memory control group to put a process in, or null where we may make none. */
function memoryGroup(): { limit(pid: number, bytes: number): void; remove(): void } | null {
  const name = `fairlead-test-${process.pid}`
  const [folder, file] = existsSync('/sys/fs/cgroup/cgroup.controllers')
    ? [`/sys/fs/cgroup/${name}`, 'memory.max']
    : [`/sys/fs/cgroup/memory/${name}`, 'memory.limit_in_bytes']
  try {
    mkdirSync(folder)
    return {
      limit(pid, bytes) {
        writeFileSync(join(folder, file), String(bytes))
        writeFileSync(join(folder, 'cgroup.procs'), String(pid))
      },
      remove: () => rmdirSync(folder),
    }
  } catch {
    // Not root, or no controller: the test says so.
    return null
  }
}
