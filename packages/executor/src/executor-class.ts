import type { ExecutorCapabilities } from './capabilities.ts'
import type { Executor, ExecutorHost } from './executor.ts'
import type { ExecutorCommandGroup } from './executor-commands.ts'
import type { ExecutorRoute } from './executor-routes.ts'
import type { ExecutorView } from './executor-views.ts'
import type { WorkerHostEnd, WorkerHostRun } from './worker-host.ts'

/** An executor class, as configuration names it. */
export interface ExecutorClass extends ExecutorCapabilities {
  new (host: ExecutorHost): Executor
  /** Routes for its own workers. The API server calls it when it starts; a throw leaves this executor without routes. */
  getApiRoutes?(): readonly ExecutorRoute[]
  /** Commands for the command line, which calls it for help and for words that it does not know itself. */
  getCliCommands?(): readonly ExecutorCommandGroup[]
  /** What it shows of itself. The API server calls it when it starts; a throw leaves this executor without views. */
  getUiViews?(): readonly ExecutorView[]
  /**
   * Keeps its work on this machine in the process of `fairlead worker-host`, to which schedulers attach, until the
   * signal aborts. Absent where it has no such process. A throw ends the command with its message.
   */
  runWorkerHost?(run: WorkerHostRun): Promise<WorkerHostEnd>
}
