import { readLeftWaiting } from '../db/queries/drains.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { configProblem } from './config-fit.ts'
import { overviewOfExecutors, slotsOf, type ConfiguredInstance, type ExecutorOverview } from './executor-overview.ts'

/** A task whose work stays, though its executor is drained to another. */
export interface StayingTask {
  readonly dagId: string
  readonly taskId: string
  readonly count: number
  readonly reason: string
}

/** How far a drain has come. */
export interface DrainProgress {
  readonly executor: ExecutorOverview
  readonly drain: NonNullable<ExecutorOverview['drain']>
  readonly staying: readonly StayingTask[]
  /** Slots of processes about which nobody can be asked, since no scheduler has the executor. */
  readonly unconfirmed: number
  /** True when nothing is left to move, to finish or to stop. */
  readonly isDone: boolean
}

/** How far the drain of an executor has come; null when there is none. */
export async function progressOfDrain(
  context: MoveContext,
  configured: readonly ConfiguredInstance[],
  name: string,
): Promise<DrainProgress | null> {
  const { database, environment } = context
  const overview = await overviewOfExecutors(database, configured, environment.clock.now())
  const executor = overview.find((one) => one.name === name)
  if (executor === undefined || executor.drain === null) return null
  const { drain, work, schedulers } = executor
  const staying = drain.to === null ? [] : await stayingTasks(context, configured, name, drain.to)
  const slots = slotsOf(work)
  const left = drain.to === null ? 0 : work.waiting
  const held = staying.reduce((sum, { count }) => sum + count, 0)
  return {
    executor,
    drain,
    staying,
    unconfirmed: schedulers.length === 0 && !drain.isForced ? slots : 0,
    isDone: slots === 0 && left <= held,
  }
}

async function stayingTasks(
  context: MoveContext,
  configured: readonly ConfiguredInstance[],
  ...[executor, to]: [executor: string, to: string]
): Promise<readonly StayingTask[]> {
  const target = configured.find((one) => one.name === to)
  const left = await readLeftWaiting(context.database.read, executor)
  const staying: StayingTask[] = []
  for (const { version_id: versionId, task_index: taskIndex, count, ...task } of left) {
    const graph = await context.database.transaction((tx) => context.graphs.of(tx, versionId))
    const config = graph.tasks[taskIndex]?.spec.executorConfig
    const problem = target === undefined ? null : await configProblem(target.executorConfigSchema, config)
    if (problem === null) continue
    const reason = `Executor "${to}" does not take its executorConfig: ${problem}.`
    staying.push({ dagId: task.dag_id, taskId: task.task_id, count: Number(count), reason })
  }
  return staying
}
