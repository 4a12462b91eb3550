import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { ExecuteTask } from '@fairlead/protocol'
import { containerName, EXECUTOR_LABEL } from './container.js'
import { Engine } from './engine.js'

/** Hooks for the conformance kit: what happens to containers behind the executor's back. */
export function hooksOf(socketPath = '/var/run/docker.sock'): ConformanceHooks {
  const engine = new Engine(socketPath)
  const nameOf = ({ taskInstance }: ExecuteTask): string => containerName(taskInstance.dispatchId)
  return {
    // Nothing to let go of: each call has a connection of its own, and there are no timers.
    crash: async () => undefined,
    isAlive: async (workload) => {
      const container = await engine.inspect(nameOf(workload), soon())
      return container?.State.Status === 'running'
    },
    kill: async (workload) => await engine.kill(nameOf(workload), soon()),
    vanish: async (workload) => await engine.remove(nameOf(workload), soon()),
    describe: async () => {
      const containers = await engine.list(EXECUTOR_LABEL, soon())
      const names = containers.flatMap(({ Names }) => Names.map((name) => name.replace('/', '')))
      const inspected = await Promise.all(names.map((name) => engine.inspect(name, soon())))
      return JSON.stringify([containers, inspected])
    },
  }
}

function soon(): AbortSignal {
  return AbortSignal.timeout(10_000)
}
