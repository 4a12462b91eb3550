import { createRequire } from 'node:module'

/** Paths of the compiled processes of this package, as `npm run build` makes them. */
export interface RunnerFiles {
  readonly childPath: string
  readonly workerHostPath: string
  readonly parsePath: string
}

/** Finds the compiled processes by the package's name, so that it works from within any bundle. */
export function runnerFiles(): RunnerFiles {
  const { resolve } = createRequire(import.meta.url)
  return {
    childPath: resolve('@fairlead/task-runner/child.cjs'),
    workerHostPath: resolve('@fairlead/task-runner/worker-host.cjs'),
    parsePath: resolve('@fairlead/task-runner/parse.cjs'),
  }
}
