import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Invariant } from '../invariant.ts'
import { isProcessAlive } from '../local-processes.ts'
import { demand, demandEqual, NotRun } from '../violation.ts'

/** Stopping work, and confirming it. */
export const revokingInvariants: readonly Invariant[] = [
  {
    id: 'FX-601',
    sentence: 'Revoking what it does not know resolves quietly, as often as it is asked.',
    level: 'live-safe',
    sources: ['13.6 #6', 'contract'],
    async check(trial) {
      const stand = await trial.open()
      const stranger = trial.stranger()
      await stand.revoke(stranger)
      await stand.revoke(stranger)
      demandEqual(stand.record.reported, [], 'The events of a task that nobody knows')
    },
  },
  {
    id: 'FX-602',
    sentence: 'What is revoked while it is queued never runs, frees its slot, and ends without an event.',
    level: 'full',
    sources: ['13.6 #6', '8.2 #47'],
    async check(trial) {
      const stand = await trial.open({ parallelism: 1 })
      const [running, queued] = await trial.laboratory.mint('hold', 2)
      if (running === undefined || queued === undefined) return
      stand.submit(running, queued)
      await trial.began(stand, running)
      await stand.revoke(queued.taskInstance)
      demandEqual(stand.executor.slotsOccupied, 1, 'slotsOccupied after the queued one was revoked')
      await trial.laboratory.release(running)
      await stand.ended(running)
      await stand.linger()
      demandEqual((await trial.laboratory.attemptOf(queued)).grants, 0, 'Processes that ran the revoked task')
      demandEqual(stand.eventsOf(queued), [], 'The events of the revoked task')
    },
  },
  {
    id: 'FX-603',
    sentence: 'When revoking a running task resolves, its process is gone, its slot is free, and no end is reported.',
    level: 'full',
    sources: ['13.6 #6', '8.2 #47', 'providers 12.9'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.revoke(workload.taskInstance)
      demand(!(await trial.lives(workload)), 'Its process lives on.')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
      await stand.linger()
      demandEqual(stand.endOf(workload), null, 'The reported end of a revoked task')
    },
  },
  {
    id: 'FX-604',
    sentence: 'Revoking a task ends what it started too, even what ignores SIGTERM.',
    level: 'full',
    sources: ['providers 12.9', 'contract'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('family')
      stand.submit(workload)
      await trial.userCodeRuns(stand, workload)
      const { process } = await trial.laboratory.attemptOf(workload)
      if (process?.hostname !== hostname()) throw new NotRun('its workloads run on another machine')
      const child = Number(await trial.laboratory.valueOf(workload, 'child'))
      await stand.revoke(workload.taskInstance)
      demand(!isProcessAlive(child), `Process ${child}, which the task started, lives on.`)
    },
  },
  {
    id: 'FX-605',
    sentence: 'Revoking what has ended is quiet, and takes back nothing of what was reported.',
    level: 'full',
    sources: ['13.6 #6', 'W10'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      await stand.ended(workload)
      await stand.revoke(workload.taskInstance)
      await stand.demandOneEnd(workload)
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
    },
  },
  {
    id: 'FX-606',
    sentence: 'Revoking one task twice at once is revoking it once.',
    level: 'full',
    sources: ['13.6 #6'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      await Promise.all([stand.revoke(workload.taskInstance), stand.revoke(workload.taskInstance)])
      demand(!(await trial.lives(workload)), 'Its process lives on.')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
    },
  },
  {
    id: 'FX-607',
    sentence: 'Revoking one task leaves the others alone.',
    level: 'full',
    sources: ['13.6 #6', '8.2 #47'],
    claims: ['revoke', 'parallel'],
    async check(trial) {
      const stand = await trial.open()
      const [unwanted, wanted] = await trial.laboratory.mint('hold', 2)
      if (unwanted === undefined || wanted === undefined) return
      stand.submit(unwanted, wanted)
      await Promise.all([trial.began(stand, unwanted), trial.began(stand, wanted)])
      await stand.revoke(unwanted.taskInstance)
      demand(await trial.lives(wanted), 'The process of the other task is gone.')
      await trial.laboratory.release(wanted)
      demandEqual(await stand.ended(wanted), { kind: 'exited', exitCode: 0 }, 'The exit of the other task')
    },
  },
  {
    id: 'FX-608',
    sentence: 'What was revoked stays forgotten.',
    level: 'full',
    sources: ['8.2 #47', 'W5'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.revoke(workload.taskInstance)
      await stand.calls.settle('sync', (signal) => stand.executor.sync({ signal }))
      await stand.linger()
      demand(!stand.executor.hasTask(workload.taskInstance.dispatchId), 'It holds the revoked task again.')
    },
  },
  {
    id: 'FX-609',
    sentence: 'An executor that cannot stop running work says so, and goes on watching it.',
    level: 'full',
    sources: ['8.6 #113', 'providers 0.1'],
    claims: ['noRevoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await trial.began(stand, workload)
      const { dispatchId } = workload.taskInstance
      const isRefused = await stand.calls.rejects('revokeTask', (signal) =>
        stand.executor.revokeTask(workload.taskInstance, signal),
      )
      demand(isRefused || !(await trial.lives(workload)), 'revokeTask() resolved, and the process lives on.')
      demand(!isRefused || stand.executor.hasTask(dispatchId), 'It refused to stop the task, and forgot it.')
      await trial.laboratory.release(workload)
      if (isRefused) await stand.ended(workload)
    },
  },
  {
    id: 'FX-610',
    sentence: 'A task that is revoked while it is on its way out is gone when that resolves, whatever the moment.',
    level: 'full',
    sources: ['13.6 #6', 'W10'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      for (const delayMs of [0, 2, 5, 10, 20, 40]) {
        const workload = await trial.mint('sleep')
        stand.submit(workload)
        await sleep(delayMs)
        await stand.revoke(workload.taskInstance)
        await stand.linger()
        demand(!(await trial.lives(workload)), `Revoked ${delayMs} ms after its hand-over, its process lives on.`)
        demandEqual(stand.endOf(workload), null, 'The reported end of a revoked task')
      }
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
    },
  },
  {
    id: 'FX-611',
    sentence: 'A revocation that is cut short never says that a living task is gone.',
    level: 'full',
    sources: ['contract'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      const isRefused = await stand.calls.rejects('revokeTask', () =>
        stand.executor.revokeTask(workload.taskInstance, AbortSignal.abort(new Error('no time'))),
      )
      demand(isRefused || !(await trial.lives(workload)), 'revokeTask() resolved, and the process lives on.')
      await stand.revoke(workload.taskInstance)
      demand(!(await trial.lives(workload)), 'Asked again, its process lives on.')
    },
  },
]
