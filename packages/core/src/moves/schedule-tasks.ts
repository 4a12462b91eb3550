import { scheduleRows, type TaskAddress } from '../db/queries/move-task-instances.ts'
import type { RunLedger } from './run-ledger.ts'

/** Makes task instances scheduled, and admissible as far as their run has places. */
export async function scheduleTasks(
  ledger: RunLedger,
  tasks: ReadonlyArray<TaskAddress & { from: 'none' | 'up_for_retry' }>,
  actor = 'scheduler',
): Promise<void> {
  if (tasks.length === 0) return
  const moves = tasks.map((task) => {
    const run = ledger.run(task.runKey)
    const isAdmissible = run.roomWithoutWindow > 0
    if (!isAdmissible) run.mustRefit = true
    run.waiting += 1
    return { ...task, isAdmissible }
  })
  const from = new Map(tasks.map((task) => [addressKey(task.runKey, task.taskIndex, task.mapIndex), task.from]))
  const scheduled = await scheduleRows(ledger.tx, moves, ledger.now)
  if (scheduled.length !== moves.length) throw new Error('A task instance changed state without the lock of its run.')
  for (const row of scheduled) {
    ledger.audit(row.run_key, {
      actor,
      taskId: row.task_id,
      mapIndex: row.map_index,
      tryNumber: row.try_number,
      from: from.get(addressKey(row.run_key, row.task_index, row.map_index)),
      to: 'scheduled',
    })
  }
}

function addressKey(runKey: number, taskIndex: number, mapIndex: number): string {
  return `${runKey}/${taskIndex}/${mapIndex}`
}
