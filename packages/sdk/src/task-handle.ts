import { checkSameDag, type PlacedTask } from './placed-task.ts'
import type { OutputRef, TaskHandle } from './handles.ts'
import { RETURN_VALUE_KEY } from '@fairlead/protocol/constants'
import { locateAuthor } from './locate.ts'
import { OUTPUT_BRAND } from './symbols.ts'

/** What a handle needs of its Dag: where to find the tasks whose order it changes. */
export interface HandleDag {
  readonly dagId: string
  placed(taskId: string): PlacedTask
}

/** The handle of a placed task. */
export function createHandle<T>(dag: HandleDag, taskId: string): TaskHandle<T> {
  const handle: TaskHandle<T> = {
    taskId,
    key: RETURN_VALUE_KEY,
    [OUTPUT_BRAND]: { dag },
    before: (...tasks) => {
      for (const task of tasks) {
        checkSameDag({ dag, taskId, location: locateAuthor() }, task)
        dag.placed(task.taskId).upstream.add(taskId)
      }
      return handle
    },
    after: (...tasks) => {
      for (const task of tasks) {
        checkSameDag({ dag, taskId, location: locateAuthor() }, task)
        dag.placed(taskId).upstream.add(task.taskId)
      }
      return handle
    },
    output: <V>(key: string): OutputRef<V> => ({ taskId, key, [OUTPUT_BRAND]: { dag } }),
  }
  return handle
}
