import type { ExecuteTask } from '@fairlead/protocol'
import type { Invariant } from '../invariant.ts'
import type { ConformanceHooks, Undo } from '../subject.ts'
import type { Trial } from '../trial.ts'
import { demand, demandEqual } from '../violation.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 } as const

/** An outside that fails: each needs a hook of the author's. */
export const outsideInvariants: readonly Invariant[] = [
  {
    id: 'FX-901',
    sentence: 'While the outside does not answer, start() throws and says why; the same instance starts later.',
    level: 'full',
    sources: ['13.6 #8', 'providers 12.6'],
    isAlone: true,
    hooks: ['outage'],
    async check(trial) {
      const stand = await trial.stand()
      const executor = stand.construct()
      const undo = await trial.hooks.outage?.()
      const isRefused = await stand.calls.rejects('start', (signal) => executor.start(signal))
      await undo?.()
      demand(isRefused, 'start() resolved, and the outside did not answer.')
      await stand.calls.make('start', (signal) => executor.start(signal))
    },
  },
  {
    id: 'FX-902',
    sentence: 'An outage of the outside ends no running task, and its end is reported afterwards.',
    level: 'full',
    sources: ['13.6 #7', 'providers 12.4'],
    isAlone: true,
    hooks: ['outage'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      stand.submit(workload)
      await trial.began(stand, workload)
      const undo = await trial.hooks.outage?.()
      await stand.linger()
      const during = stand.endOf(workload)
      await trial.laboratory.release(workload)
      await undo?.()
      demandEqual(during, null, 'The end that was reported during the outage')
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
    },
  },
  patient('FX-903', 'While the outside throttles, nothing fails and nothing is lost.', ['13.6 #7'], 'throttle'),
  patient(
    'FX-904',
    'Expired credentials leave what waits as it is; it runs once they are renewed, without a restart.',
    ['13.6 #8'],
    'expireCredentials',
  ),
  patient('FX-905', 'What finds no capacity waits for it, and does not fail.', ['13.6 #10'], 'exhaust'),
  {
    id: 'FX-906',
    sentence: 'A submit that the outside refuses for good ends as never started, with the words of the outside.',
    level: 'full',
    sources: ['13.6 #9', 'providers 12.7'],
    isAlone: true,
    hooks: ['refuse'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed')
      const undo = await trial.hooks.refuse?.('the wharf is closed')
      stand.submit(workload)
      const exit = await stand.ended(workload)
      await undo?.()
      demand(
        exit.kind === 'neverStarted' && exit.detail.includes('the wharf is closed'),
        `It is reported as ${JSON.stringify(exit)}.`,
      )
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 0, 'The number of processes that ran it')
    },
  },
  {
    id: 'FX-907',
    sentence: 'A submit whose answer is lost leads to one process, and one end.',
    level: 'full',
    sources: ['13.6 #3', 'providers 13.1'],
    isAlone: true,
    hooks: ['loseAnswer'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      await trial.hooks.loseAnswer?.()
      stand.submit(workload)
      await trial.began(stand, workload)
      await stand.until('its acceptance is recorded', () => stand.eventsOf(workload).length > 0)
      await trial.laboratory.release(workload)
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran it')
      await stand.demandOneEnd(workload)
    },
  },
  {
    id: 'FX-908',
    sentence: 'A started task that vanishes from the outside is reported once, as no success, and not run again.',
    level: 'full',
    sources: ['13.6 #11', 'providers 12.3', 'providers 12.4'],
    hooks: ['vanish'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('sleep')
      stand.submit(workload)
      await trial.began(stand, workload)
      await trial.hooks.vanish?.(workload)
      const exit = await stand.ended(workload)
      demand(JSON.stringify(exit) !== JSON.stringify(SUCCESS), 'It vanished, and is reported as a success.')
      await stand.demandOneEnd(workload)
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran it')
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
    },
  },
  {
    id: 'FX-909',
    sentence: 'An instance that was never started streams what a running task has written.',
    level: 'full',
    sources: ['13.6 #19', 'W24'],
    claims: ['taskLog'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('speak')
      stand.submit(workload)
      await trial.began(stand, workload)
      const reader = (await trial.stand()).construct()
      await stand.until('its log says what the task wrote', async () => {
        const externalId = stand.eventsOf(workload).findLast((event) => event.externalId !== null)?.externalId ?? null
        const log = await reader.getTaskLog({ ...workload.taskInstance, externalId }, workload.taskInstance.tryNumber)
        return log !== null && (await says(log, 'halfway there'))
      })
    },
  },
]

/** Work that is handed over while the outside does not take any waits, and runs once it does. */
function patient(
  id: Invariant['id'],
  sentence: string,
  sources: readonly string[],
  hook: 'throttle' | 'expireCredentials' | 'exhaust',
): Invariant {
  return {
    id,
    sentence,
    level: 'full',
    sources,
    hooks: [hook],
    isAlone: true,
    async check(trial) {
      const stand = await trial.open()
      const workloads = await trial.laboratory.mint('succeed', 3)
      const undo = await begin(trial.hooks, hook)
      stand.submit(...workloads)
      for (let turn = 0; turn < 3; turn += 1) await stand.linger()
      const early = workloads.filter((workload: ExecuteTask) => stand.endOf(workload) !== null).length
      await undo?.()
      demandEqual(early, 0, 'The number of workloads that ended meanwhile')
      demandEqual(
        await stand.allEnded(workloads),
        workloads.map(() => SUCCESS),
        'How they ended',
      )
      await onlyOnce(trial, workloads)
    },
  }
}

async function begin(
  hooks: ConformanceHooks,
  hook: 'throttle' | 'expireCredentials' | 'exhaust',
): Promise<Undo | undefined> {
  return await hooks[hook]?.()
}

async function onlyOnce(trial: Trial, workloads: readonly ExecuteTask[]): Promise<void> {
  for (const workload of workloads)
    demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran a workload')
}

/** True when a stream says the words; one that goes on for ever is left at that. */
async function says(log: AsyncIterable<string>, words: string): Promise<boolean> {
  let text = ''
  for await (const part of log) {
    text += part
    if (text.includes(words)) return true
  }
  return false
}
