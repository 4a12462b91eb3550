import type { NewTaskInstance } from '../db/queries/create-runs.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import { laneOfTask, laneText } from '../model/lane.ts'
import type { MoveContext } from './move-context.ts'

/** A task instance for each task of a version, undecided. */
export function newTaskInstances(
  graph: VersionedGraph,
  { environment, defaultExecutor }: MoveContext,
  at: { runKey: number; now: number },
): readonly NewTaskInstance[] {
  return graph.tasks.map(({ spec, index, isLeaf, priorityWeight }) => {
    const lane = laneOfTask(graph.spec, spec, { runKey: at.runKey, defaultExecutor })
    return {
      id: environment.random.uuid(at.now),
      taskIndex: index,
      taskId: spec.taskId,
      maxTries: spec.retry.retries + 1,
      executor: lane.executors[0] ?? defaultExecutor,
      pool: lane.pool,
      poolSlots: lane.poolSlots,
      lane: laneText(lane),
      queue: spec.queue,
      priorityWeight,
      isLeaf,
    }
  })
}
