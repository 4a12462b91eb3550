// Runs the workload of the environment under the packed task runner, as a worker machine would, and exits as it did.
import { runnerFiles, runWorkload } from '@fairlead/task-runner'

const { workload, apiUrl, bundleFolder, logFolder } = JSON.parse(process.env.WORKLOAD)
delete process.env.WORKLOAD
const stopping = new AbortController()
const run = runWorkload(workload, {
  apiUrl,
  bundleFolder,
  logFolder,
  childPath: runnerFiles().childPath,
  heartbeatIntervalMs: 1000,
  settings: {
    killGraceMs: 1000,
    launchBudgetMs: 10_000,
    settleBudgetMs: 60_000,
    leaseMs: 60_000,
    overtimeMs: 5000,
    drainMs: 1000,
  },
  giveUp: stopping.signal,
  onRunning: () => undefined,
})
const exit = await run.done
process.exitCode = exit.kind === 'exited' ? exit.exitCode : 1
