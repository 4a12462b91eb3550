import type { TestRunEnd } from '@fairlead/core'
import type { DagTestResult, JsonValue, TestedTask } from '@fairlead/sdk'

/** The end of a test run as `dag.test()` answers it: tasks by id, and mapped ones by id and index. */
export function resultOf({ runId, state, tasks }: TestRunEnd): DagTestResult {
  const byId = tasks.map(({ taskId, mapIndex, state: ended, tryNumber, executor, error, result }) => {
    const tested: TestedTask = { state: ended, tryNumber, result: result as JsonValue, error, executor }
    return [mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`, tested] as const
  })
  return { state, runId, tasks: Object.fromEntries(byId) }
}
