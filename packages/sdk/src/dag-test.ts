import type { AuthoredDag } from './authored-dag.ts'
import type { Connection } from './connection.ts'
import { AuthorError } from './errors.ts'
import type { JsonValue } from './json.ts'
import { readSlot, SDK_SLOT, TEST_DRIVER_SLOT } from './symbols.ts'

/** How `dag.test()` runs a Dag. */
export interface DagTestOptions {
  /** What the run is triggered with. */
  readonly conf?: Readonly<Record<string, JsonValue>>
  /** The moment that the run stands for. Default: none. */
  readonly logicalDate?: Date | string
  /** Default: one made of the moment. */
  readonly runId?: string
  /**
   * Through which executor every task runs: a configured name, a built-in one, `module#Class`, or a class. Default: none;
   * handlers are called in this very process, one at a time, where a debugger finds them.
   */
  readonly executor?: string | TestableExecutor
  /** The file that holds the Dag, for an executor whose workers load it. Default: where the Dag was constructed. */
  readonly file?: string
  /** Variables that its tasks read: texts as they are, anything else as JSON. They are gone when the run is over. */
  readonly variables?: Readonly<Record<string, JsonValue>>
  /** Connections that its tasks read, by id. They are gone when the run is over. */
  readonly connections?: Readonly<Record<string, TestConnection>>
  /** Tasks whose id matches succeed without being run. */
  readonly markSuccessPattern?: RegExp | string
  /** True to wait between the tries of a task as long as it says. Default false: they follow at once. */
  readonly honourRetryDelays?: boolean
  /** Where progress and logs are written. Default: standard error. */
  readonly write?: (text: string) => void
  /** Ends the run early. */
  readonly signal?: AbortSignal
}

/** A connection of a test: a URI, Airflow's JSON object, or any part of what `getConnection` answers with its type. */
export type TestConnection =
  | string
  | (Partial<Connection> & Pick<Connection, 'connType'>)
  | { readonly conn_type: string; readonly [field: string]: JsonValue | undefined }

/** An executor class, as `@fairlead/executor` has them. */
export type TestableExecutor = new (host: never) => object

/** What came of `dag.test()`. */
export interface DagTestResult {
  /** `not_run` where Fairlead itself reads the file: then the Dag is being loaded, and not tested. */
  readonly state: 'success' | 'failed' | 'not_run'
  readonly runId: string
  /** By task id. */
  readonly tasks: Readonly<Record<string, TestedTask>>
}

/** What came of one task. */
export interface TestedTask {
  /** One of Airflow's task instance states. */
  readonly state: string
  readonly tryNumber: number
  /** What it returned, as the next task received it. */
  readonly result: JsonValue
  readonly error: { readonly name: string; readonly message: string; readonly stack: string | null } | null
  /** The executor that it ran on. */
  readonly executor: string
}

/** What runs a Dag for `dag.test()`; the package `fairlead` installs it, so that the SDK needs nothing of the server. */
export type DagTestDriver = (
  dag: AuthoredDag,
  options: DagTestOptions,
  files: readonly string[],
) => Promise<DagTestResult>

/** Runs a Dag by the installed driver. `files` may hold the Dag, the likeliest first. */
export async function testDag(
  dag: AuthoredDag,
  options: DagTestOptions,
  files: () => readonly string[],
): Promise<DagTestResult> {
  if (isRunner()) return { state: 'not_run', runId: '', tasks: {} }
  const driver = readSlot<DagTestDriver>(TEST_DRIVER_SLOT)
  if (driver !== undefined) return driver(dag, options, files())
  throw new AuthorError(
    'TEST_DRIVER_MISSING',
    `Dag "${dag.dagId}" cannot be tested here: only the package "fairlead" brings what runs it. Import Dag from 'fairlead'.`,
  )
}

/** True in a process of Fairlead's own, which loads Dag files to read or run them. */
function isRunner(): boolean {
  return readSlot(SDK_SLOT) !== undefined
}
