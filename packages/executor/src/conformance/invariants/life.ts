import { setTimeout as sleep } from 'node:timers/promises'
import type { Invariant } from '../invariant.ts'
import type { Trial } from '../trial.ts'
import { demand, demandEqual } from '../violation.ts'
import { heldResources } from './held-resources.ts'
import { longestPause } from './longest-pause.ts'

/** Longest time for which an executor may keep the event loop of the scheduler, as a bound that no machine misses. */
const LONGEST_BLOCK_MS = 1_000
const BEYOND_DOUBT_MS = 5_000

/** Start, turns, and the two ways to end. */
export const lifeInvariants: readonly Invariant[] = [
  {
    id: 'FX-201',
    sentence: 'Starting launches nothing and reports nothing.',
    level: 'live-safe',
    sources: ['contract', '8.2 #37'],
    async check(trial) {
      const stand = await trial.open()
      await stand.linger()
      demandEqual(stand.record.reported.length, 0, 'The number of events that were reported')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied after the start')
    },
  },
  {
    id: 'FX-202',
    sentence: 'A second start of the same instance harms no work that runs.',
    level: 'full',
    sources: ['contract', '13.6 #8'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.calls.make('start', (signal) => stand.executor.start(signal))
      demand(await trial.lives(workload), 'The task that ran is gone.')
      await trial.laboratory.release(workload)
      demandEqual(await stand.ended(workload), { kind: 'exited', exitCode: 0 }, 'The reported exit')
    },
  },
  {
    id: 'FX-203',
    sentence: 'sync() settles by itself, with work and without, and reports nothing when there is nothing.',
    level: 'live-safe',
    sources: ['contract', 'providers 12.12'],
    async check(trial) {
      const stand = await trial.open()
      await stand.calls.make('sync', (signal) => stand.executor.sync({ signal }))
      await stand.calls.make('sync', (signal) => stand.executor.sync({ signal }))
      demandEqual(stand.record.reported.length, 0, 'The number of events that were reported')
    },
  },
  {
    id: 'FX-204',
    sentence: 'start() and sync() that are given an aborted signal settle, whatever they answer.',
    level: 'live-safe',
    sources: ['contract', '13.6 #13'],
    async check(trial) {
      const stand = await trial.open()
      const { executor } = stand
      await stand.calls.settle('sync', () => executor.sync({ signal: AbortSignal.abort() }))
      const other = await trial.stand()
      const unstarted = other.construct()
      await other.calls.settle('start', () => unstarted.start(AbortSignal.abort()))
    },
  },
  {
    id: 'FX-205',
    sentence: 'queueWorkload() begins nothing; processWorkloads() does, and does not wait for its end.',
    level: 'full',
    sources: ['contract', 'providers 12.12'],
    async check(trial) {
      const stand = await trial.open()
      stand.isIdle = true
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await sleep(100)
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 0, 'Runs before processWorkloads()')
      await stand.calls.make('processWorkloads', (signal) => stand.executor.processWorkloads(signal))
      stand.isIdle = false
      await trial.began(stand, workload)
      demandEqual((await trial.laboratory.attemptOf(workload)).state, 'running', 'The state when it had returned')
    },
  },
  {
    id: 'FX-206',
    sentence: 'processWorkloads() that is given an aborted signal begins nothing, and throws nothing away.',
    level: 'full',
    sources: ['contract'],
    async check(trial) {
      const stand = await trial.open()
      stand.isIdle = true
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      await stand.calls.settle('processWorkloads', () => stand.executor.processWorkloads(AbortSignal.abort()))
      await sleep(100)
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 0, 'Runs after the aborted call')
      stand.isIdle = false
      demandEqual(await stand.ended(workload), { kind: 'exited', exitCode: 0 }, 'The reported exit')
    },
  },
  {
    id: 'FX-207',
    sentence: 'An embedder that calls nothing but heartbeat() gets its work done.',
    level: 'full',
    sources: ['8.1 #9', 'providers 0.1'],
    async check(trial) {
      const stand = await trial.open()
      stand.isIdle = true
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      const { dispatchId } = workload.taskInstance
      await stand.until('heartbeat() alone brings the workload to its end', async () => {
        await stand.calls.make('heartbeat', (signal) => stand.executor.heartbeat(signal))
        const events = stand.executor.getEventBuffer()
        return events.some(({ event }) => event.kind === 'ended' && event.dispatchId === dispatchId)
      })
      demand(stand.record.gauges.has('executor.open_slots'), 'heartbeat() did not set the gauge executor.open_slots.')
    },
  },
  {
    id: 'FX-208',
    sentence: 'After end() nothing is launched, neither what was queued before nor what comes then.',
    level: 'full',
    sources: ['13.6 #13', 'providers 12.8'],
    async check(trial) {
      const stand = await trial.open({ parallelism: 1 })
      const [running, queued, late] = await trial.laboratory.mint('hold', 3)
      if (running === undefined || queued === undefined || late === undefined) return
      stand.submit(running, queued)
      await trial.began(stand, running)
      await stand.end(AbortSignal.timeout(100))
      await stand.calls.settle('queueWorkload', async () => stand.submit(late))
      await stand.linger()
      for (const workload of [queued, late])
        demandEqual((await trial.laboratory.attemptOf(workload)).grants, 0, 'Processes that began after end()')
    },
  },
  {
    id: 'FX-209',
    sentence: 'end() settles when its signal aborts, even while a task runs.',
    level: 'full',
    sources: ['13.6 #13', 'providers 12.8'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.end(AbortSignal.abort(new Error('no time left')))
      demand(!succeeded(stand.endOf(workload)), 'A task that was cut short is reported as a success.')
    },
  },
  {
    id: 'FX-210',
    sentence: 'end() that has time neither kills nor loses a running task: it finishes, or goes on outside.',
    level: 'full',
    sources: ['13.6 #13', 'contract'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await trial.began(stand, workload)
      const ending = stand.end(new AbortController().signal)
      await trial.laboratory.release(workload)
      await ending
      await stand.until('the task ends with success', async () => {
        const { state } = await trial.laboratory.attemptOf(workload)
        demand(state !== 'failed', 'end() made a running task fail.')
        return state === 'success'
      })
    },
  },
  {
    id: 'FX-211',
    sentence: 'terminate() stops everything that runs.',
    level: 'full',
    sources: ['contract'],
    claims: ['revoke'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.terminate()
      demand(!(await trial.lives(workload)), 'A process of its work lives after terminate().')
    },
  },
  {
    id: 'FX-212',
    sentence: 'After end() nothing of the executor keeps the process alive, however often it was started.',
    level: 'live-safe',
    sources: ['contract', 'W23'],
    isAlone: true,
    async check(trial) {
      const stand = await trial.stand()
      const before = heldResources()
      const { executor } = await stand.open()
      await stand.calls.make('start', (signal) => executor.start(signal))
      await stand.end(AbortSignal.timeout(5_000))
      await stand.abandon()
      await stand.soon('its timers and connections are gone', () =>
        heldResources().every((one) => before.includes(one)),
      )
    },
  },
  {
    id: 'FX-213',
    sentence: 'Ending twice, and ending by force after that, is quiet.',
    level: 'live-safe',
    sources: ['contract'],
    async check(trial) {
      const stand = await trial.open()
      await stand.end(AbortSignal.timeout(1_000))
      await stand.end(AbortSignal.timeout(1_000))
      await stand.terminate()
    },
  },
  {
    id: 'FX-214',
    sentence: 'No call keeps the event loop for longer than a second.',
    level: 'live-safe',
    sources: ['providers 12.12', 'contract'],
    isAlone: true,
    async check(trial) {
      const first = await longestPause(() => everyQuietCall(trial))
      const isFine = first <= LONGEST_BLOCK_MS
      const isSure = first > BEYOND_DOUBT_MS
      // A machine has pauses of its own, which do not come twice.
      const pauseMs = isFine || isSure ? first : Math.min(first, await longestPause(() => everyQuietCall(trial)))
      demand(pauseMs <= LONGEST_BLOCK_MS, `A call kept the event loop for ${Math.round(pauseMs)} ms.`)
    },
  },
  {
    id: 'FX-215',
    sentence: 'A callback for an outbox that the host does not have is refused, and not lost.',
    level: 'live-safe',
    sources: ['8.1 #22'],
    async check(trial) {
      const stand = await trial.open()
      const { dagId, runId } = trial.stranger()
      const isRefused = await stand.calls.rejects('sendCallback', () =>
        stand.executor.sendCallback({ kind: 'onFailure', dagId, runId, taskInstance: null, detail: 'a trial' }),
      )
      demand(isRefused, 'sendCallback() resolved, and there is nobody who could run it.')
    },
  },
]

/** Every call that starts no work. */
async function everyQuietCall(trial: Trial): Promise<void> {
  const stand = await trial.open()
  const { executor, calls } = stand
  await calls.make('sync', (signal) => executor.sync({ signal }))
  await calls.make('processWorkloads', (signal) => executor.processWorkloads(signal))
  await calls.settle('tryAdoptTaskInstances', (s) => executor.tryAdoptTaskInstances([trial.stranger()], s))
  await calls.settle('revokeTask', () => stand.revoke(trial.stranger()))
  await calls.settle('getTaskLog', () => executor.getTaskLog(trial.stranger(), 1))
  await stand.end(AbortSignal.timeout(1_000))
  await trial.close()
}

function succeeded(exit: { readonly kind: string; readonly exitCode?: number } | null): boolean {
  return exit?.kind === 'exited' && exit.exitCode === 0
}
