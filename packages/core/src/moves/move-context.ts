import type { Database } from '../db/database.ts'
import type { DagGraphs } from '../db/queries/dag-graphs.ts'
import type { Environment } from '../model/environment.ts'

/** What every move works with. */
export interface MoveContext {
  readonly database: Database
  readonly environment: Environment
  readonly graphs: DagGraphs
  /** Executor of a task that names none, neither itself nor by its Dag. */
  readonly defaultExecutor: string
  /** Launches of one try that may fail before they cost a try. */
  readonly launchBudget: number
  /** Wakes the scheduler of this process after a commit; null for a scheduler's own moves, after which it looks again. */
  readonly wake: (() => void) | null
}
