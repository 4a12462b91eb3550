import type { ExecuteTask, TaskInstanceRef } from '@fairlead/protocol'
import type { Invariant } from '../invariant.ts'
import type { Stand } from '../stand.ts'
import type { Trial } from '../trial.ts'
import { demand, demandEqual } from '../violation.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 } as const

/** Work that began under another instance: found again, or said to be gone, and nothing between. */
export const adoptingInvariants: readonly Invariant[] = [
  {
    id: 'FX-701',
    sentence:
      'Asked to adopt what it does not know, it answers every one of them and holds none; asked nothing, nothing.',
    level: 'live-safe',
    sources: ['8.1 #11', '13.6 #5', 'providers 12.1'],
    async check(trial) {
      const stand = await trial.open()
      const strangers = [trial.stranger(), trial.stranger(), trial.stranger()]
      demandEqual(idsOf(await adopt(stand, strangers)), idsOf(strangers), 'The answer about three strangers')
      demandEqual(await adopt(stand, []), [], 'The answer about nothing')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied after adopting strangers')
      demandEqual(stand.record.reported, [], 'The events about strangers')
    },
  },
  {
    id: 'FX-702',
    sentence: 'A task that runs through the death of its scheduler is adopted by the next one, and ends once.',
    level: 'full',
    sources: ['13.6 #4', '8.6 #105', 'W7'],
    claims: ['adoption'],
    hooks: ['crash'],
    async check(trial) {
      const { stand, workload } = await crashed(trial)
      await stand.restart()
      demandEqual(idsOf(stand.notAdopted), [], 'What was not adopted')
      demand(stand.executor.hasTask(workload.taskInstance.dispatchId), 'It adopted the task, and does not hold it.')
      demandEqual(stand.executor.slotsOccupied, 1, 'slotsOccupied after the adoption')
      await trial.laboratory.release(workload)
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
      await stand.demandOneEnd(workload)
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran it')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied at the end')
    },
  },
  {
    id: 'FX-703',
    sentence: 'A task that ended while nobody watched is reported as ended, or answered as not found, and never both.',
    level: 'full',
    sources: ['13.6 #5', 'W7'],
    claims: ['adoption'],
    hooks: ['crash'],
    async check(trial) {
      const { stand, workload } = await crashed(trial)
      await trial.laboratory.release(workload)
      await stand.until(
        'the task ends by itself',
        async () => (await trial.laboratory.attemptOf(workload)).state === 'success',
      )
      await stand.restart()
      const isMissing = (): boolean => idsOf(stand.notAdopted).includes(workload.taskInstance.dispatchId)
      await stand.until('its end is reported, or it is not found', () => isMissing() || stand.endOf(workload) !== null)
      await stand.linger()
      demand(!(isMissing() && stand.endOf(workload) !== null), 'It is answered as not found, and its end is reported.')
      demand(stand.endOf(workload) === null || exitIs(stand, workload), 'It succeeded, and is reported otherwise.')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied at the end')
    },
  },
  {
    id: 'FX-704',
    sentence: 'It answers only about what it was asked, and adopts only that.',
    level: 'full',
    sources: ['13.6 #5', '8.6 #102'],
    claims: ['adoption', 'parallel'],
    hooks: ['crash'],
    async check(trial) {
      const { stand, workload, others } = await crashed(trial, 1)
      const stranger = trial.stranger()
      stand.forget(...others)
      await stand.restart()
      demandEqual(idsOf(stand.notAdopted), [], 'What was not adopted')
      for (const { taskInstance } of others)
        demand(!stand.executor.hasTask(taskInstance.dispatchId), 'It adopted a task that it was not asked about.')
      const answer = await adopt(stand, [workload.taskInstance, stranger])
      demandEqual(idsOf(answer), idsOf([stranger]), 'The answer about a running task and a stranger')
      for (const other of others) await trial.laboratory.release(other)
    },
  },
  {
    id: 'FX-705',
    sentence: 'When the answer to a launch was never recorded, and it is handed over again, one process runs it.',
    level: 'full',
    sources: ['13.6 #3', 'W7', 'providers 13.1'],
    claims: ['adoption'],
    hooks: ['crash'],
    async check(trial) {
      const stand = await trial.open()
      stand.isDatabaseDown = true
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.crash()
      stand.isDatabaseDown = false
      await stand.restart()
      await stand.linger()
      await trial.laboratory.release(workload)
      await stand.ended(workload)
      const { grants, state } = await trial.laboratory.attemptOf(workload)
      demandEqual({ grants, state }, { grants: 1, state: 'success' }, 'What the API knows of it')
    },
  },
  {
    id: 'FX-706',
    sentence: 'The work of another instance is neither adopted nor touched.',
    level: 'full',
    sources: ['13.6 #5', '13.6 #20', 'providers 12.1'],
    claims: ['adoption'],
    async check(trial) {
      const stand = await trial.open({ name: 'owner' })
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await trial.began(stand, workload)
      const other = await trial.open({ name: 'neighbour', isServed: false })
      const answer = await adopt(other, [workload.taskInstance])
      demandEqual(idsOf(answer), idsOf([workload.taskInstance]), 'What the neighbour did not adopt')
      demandEqual(other.executor.slotsOccupied, 0, 'slotsOccupied of the neighbour')
      await other.end(AbortSignal.timeout(2_000))
      demand(await trial.lives(workload), 'The process of the other instance is gone.')
      await trial.laboratory.release(workload)
      demandEqual(await stand.ended(workload), SUCCESS, 'The exit that its own instance reports')
    },
  },
  {
    id: 'FX-707',
    sentence: 'Adopting a task twice holds it once.',
    level: 'full',
    sources: ['13.6 #4', 'W5'],
    claims: ['adoption'],
    hooks: ['crash'],
    async check(trial) {
      const { stand, workload } = await crashed(trial)
      await stand.restart()
      await adopt(stand, [workload.taskInstance])
      demandEqual(stand.executor.slotsOccupied, 1, 'slotsOccupied after a second adoption')
      await trial.laboratory.release(workload)
      await stand.ended(workload)
      await stand.demandOneEnd(workload)
    },
  },
  {
    id: 'FX-708',
    sentence: 'An adopted task can be revoked.',
    level: 'full',
    sources: ['13.6 #6', 'W22'],
    claims: ['adoption', 'revoke'],
    hooks: ['crash'],
    async check(trial) {
      const { stand, workload } = await crashed(trial)
      await stand.restart()
      await stand.revoke(workload.taskInstance)
      demand(!(await trial.lives(workload)), 'Its process lives on.')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
    },
  },
  {
    id: 'FX-709',
    sentence: 'Adopted tasks count: no more is begun beside them than the parallelism allows.',
    level: 'full',
    sources: ['13.6 #4', 'W4'],
    claims: ['adoption'],
    hooks: ['crash'],
    async check(trial) {
      const { stand, workload } = await crashed(trial, 0, { parallelism: 1 })
      await stand.restart()
      const next = await trial.mint('succeed')
      stand.submit(next)
      await stand.linger()
      demandEqual((await trial.laboratory.attemptOf(next)).grants, 0, 'Processes beyond a parallelism of 1')
      await trial.laboratory.release(workload)
      await stand.allEnded([workload, next])
    },
  },
  {
    id: 'FX-710',
    sentence: 'While the outside does not answer, an adoption says nothing: it throws, and calls nothing gone.',
    level: 'full',
    sources: ['contract', 'providers 12.4'],
    isAlone: true,
    claims: ['adoption'],
    hooks: ['crash', 'outage'],
    async check(trial) {
      const { stand, workload } = await crashed(trial)
      stand.forget(workload)
      await stand.restart()
      const undo = await trial.hooks.outage?.()
      const isUnknown = await stand.calls.rejects('tryAdoptTaskInstances', (signal) =>
        stand.executor.tryAdoptTaskInstances([workload.taskInstance], signal),
      )
      await undo?.()
      demand(isUnknown, 'It answered about work that it could not ask about.')
      demandEqual(idsOf(await adopt(stand, [workload.taskInstance])), [], 'What was not adopted afterwards')
    },
  },
  {
    id: 'FX-711',
    sentence: 'A task that vanished while nobody watched is answered as not found, or reported as no success.',
    level: 'full',
    sources: ['13.6 #5', 'providers 12.4'],
    claims: ['adoption'],
    hooks: ['crash', 'vanish'],
    async check(trial) {
      const { stand, workload } = await crashed(trial)
      await trial.hooks.vanish?.(workload)
      await stand.restart()
      const isMissing = (): boolean => idsOf(stand.notAdopted).includes(workload.taskInstance.dispatchId)
      await stand.until('it is said to be gone', () => isMissing() || stand.endOf(workload) !== null)
      demand(stand.endOf(workload) === null || !exitIs(stand, workload), 'It vanished, and is reported as a success.')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
    },
  },
]

/** A stand that has crashed while a task runs, and `more` beside it, and has not been restarted. */
async function crashed(trial: Trial, more = 0, given: Parameters<Trial['open']>[0] = {}) {
  const stand = await trial.open(given)
  const [workload, ...others] = await trial.laboratory.mint('hold', 1 + more)
  if (workload === undefined) throw new Error('The laboratory made no workload.')
  stand.submit(workload, ...others)
  for (const one of [workload, ...others]) {
    await trial.began(stand, one)
    await stand.until('its acceptance is recorded', () => stand.eventsOf(one).length > 0)
  }
  await stand.crash()
  return { stand, workload, others }
}

async function adopt(stand: Stand, refs: readonly TaskInstanceRef[]): Promise<readonly TaskInstanceRef[]> {
  return await stand.calls.make('tryAdoptTaskInstances', (signal) => stand.executor.tryAdoptTaskInstances(refs, signal))
}

function idsOf(refs: readonly TaskInstanceRef[]): readonly string[] {
  return refs.map(({ dispatchId }) => dispatchId)
}

function exitIs(stand: Stand, workload: ExecuteTask): boolean {
  return JSON.stringify(stand.endOf(workload)) === JSON.stringify(SUCCESS)
}
