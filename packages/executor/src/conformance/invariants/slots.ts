import type { Invariant } from '../invariant.ts'
import { demand, demandEqual } from '../violation.ts'

/** Slots, order and sets: what dispatch reads of an executor at any moment. */
export const slotInvariants: readonly Invariant[] = [
  {
    id: 'FX-501',
    sentence: 'When everything has ended, no slot is occupied, and all are available.',
    level: 'full',
    sources: ['W5', '8.1 #6'],
    async check(trial) {
      const stand = await trial.open()
      const workloads = [await trial.mint('succeed'), await trial.mint('fail'), await trial.mint('crash')]
      stand.submit(...workloads)
      await stand.allEnded(workloads)
      const { slotsOccupied, slotsAvailable, parallelism } = stand.executor
      demandEqual({ slotsOccupied, slotsAvailable }, { slotsOccupied: 0, slotsAvailable: parallelism }, 'Its slots')
    },
  },
  {
    id: 'FX-502',
    sentence: 'A workload is held from its hand-over to its end, and no longer.',
    level: 'full',
    sources: ['8.1 #7', '13.6 #4'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      const { dispatchId } = workload.taskInstance
      stand.submit(workload)
      demand(stand.executor.hasTask(dispatchId), 'hasTask() is false right after queueWorkload().')
      demandEqual(stand.executor.slotsOccupied, 1, 'slotsOccupied right after queueWorkload()')
      await trial.began(stand, workload)
      demand(stand.executor.hasTask(dispatchId), 'hasTask() is false while the task runs.')
      await trial.laboratory.release(workload)
      await stand.ended(workload)
      demand(!stand.executor.hasTask(dispatchId), 'hasTask() is true after the end.')
    },
  },
  {
    id: 'FX-503',
    sentence: 'No more tasks run at once than its parallelism, however many it is handed.',
    level: 'full',
    sources: ['W4', '13.6 #17'],
    async check(trial) {
      const parallelism = trial.executorClass.isSingleThreaded ? 1 : 3
      const stand = await trial.open({ parallelism })
      const workloads = await trial.laboratory.mint('succeed', parallelism * 3)
      stand.submit(...workloads)
      await stand.allEnded(workloads)
      const most = mostAtOnce(trial.laboratory.calls, new Set(workloads.map(({ taskInstance }) => taskInstance.id)))
      demand(most <= parallelism, `${most} tasks ran at once, and its parallelism is ${parallelism}.`)
    },
  },
  {
    id: 'FX-504',
    sentence: 'Queued work occupies slots too, and the number of available slots is never negative.',
    level: 'full',
    sources: ['W4', '8.4 #66'],
    async check(trial) {
      const stand = await trial.open({ parallelism: 1 })
      const workloads = await trial.laboratory.mint('hold', 3)
      stand.submit(...workloads)
      demandEqual(stand.executor.slotsOccupied, 3, 'slotsOccupied with three workloads and a parallelism of 1')
      demandEqual(stand.executor.slotsAvailable, 0, 'slotsAvailable with three workloads and a parallelism of 1')
    },
  },
  {
    id: 'FX-505',
    sentence: 'Under slot pressure the heaviest begins first, and of equal ones the oldest.',
    level: 'full',
    sources: ['13.6 #17', '8.1 #17', '8.1 #18', 'W3', 'W25'],
    async check(trial) {
      const stand = await trial.open({ parallelism: 1 })
      const first = await trial.mint('hold')
      stand.submit(first)
      await trial.began(stand, first)
      const waiting = await trial.laboratory.mint('succeed', 5, { weights: [1, 5, 10, 5, 1] })
      stand.submit(...waiting)
      await trial.laboratory.release(first)
      await stand.allEnded(waiting)
      const order = trial.laboratory.calls
        .filter(({ verb, status }) => verb === 'run' && status === 200)
        .map(({ taskInstanceId }) => waiting.findIndex(({ taskInstance }) => taskInstance.id === taskInstanceId))
        .filter((index) => index !== -1)
      demandEqual(order, [2, 1, 3, 0, 4], 'The order in which weights 1, 5, 10, 5, 1 began')
    },
  },
]

/** How many of these tasks the API saw running at once. */
function mostAtOnce(
  calls: ReadonlyArray<{ readonly taskInstanceId: string; readonly verb: string; readonly status: number }>,
  ids: ReadonlySet<string>,
): number {
  const running = new Set<string>()
  let most = 0
  for (const { taskInstanceId, verb, status } of calls) {
    if (!ids.has(taskInstanceId) || status >= 300) continue
    if (verb === 'run') running.add(taskInstanceId)
    if (verb === 'state') running.delete(taskInstanceId)
    most = Math.max(most, running.size)
  }
  return most
}
