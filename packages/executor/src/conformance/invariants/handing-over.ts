import { randomUUID } from 'node:crypto'
import type { ExecuteCallback, ExecuteTask, Workload } from '@fairlead/protocol'
import type { Invariant } from '../invariant.ts'
import type { Trial } from '../trial.ts'
import { demand, demandEqual } from '../violation.ts'

const HOUR_MS = 60 * 60 * 1000
const SKEW_MS = 5 * 60 * 1000
const SUCCESS = { kind: 'exited', exitCode: 0 } as const

/** What is handed over: repeated, late, strange, refused, and very many. */
export const handingOverInvariants: readonly Invariant[] = [
  {
    id: 'FX-321',
    sentence: 'A dispatch that is handed over twice runs once and occupies one slot.',
    level: 'full',
    sources: ['W7', '8.1 #13'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('hold')
      stand.submit(workload, workload)
      demandEqual(stand.executor.slotsOccupied, 1, 'slotsOccupied after the second hand-over')
      await trial.began(stand, workload)
      stand.submit(workload)
      demandEqual(stand.executor.slotsOccupied, 1, 'slotsOccupied after a hand-over while it runs')
      await trial.laboratory.release(workload)
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran it')
    },
  },
  {
    id: 'FX-322',
    sentence: 'A dispatch that has ended and is handed over again neither runs nor ends a second time.',
    level: 'full',
    sources: ['W2', 'W20'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      await stand.ended(workload)
      stand.submit(workload)
      await stand.demandOneEnd(workload)
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied')
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran it')
    },
  },
  {
    id: 'FX-323',
    sentence: 'A workload whose ticket is an hour old still starts.',
    level: 'full',
    sources: ['13.6 #21', 'W18'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed', { ticketAgeMs: HOUR_MS })
      stand.submit(workload)
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
    },
  },
  ...[SKEW_MS, -SKEW_MS].map((skewMs, index): Invariant => ({
    id: index === 0 ? 'FX-324' : 'FX-325',
    sentence: `Work runs to its end under a clock that is five minutes ${skewMs > 0 ? 'ahead' : 'behind'}.`,
    level: 'full',
    sources: ['13.6 #24'],
    async check(trial) {
      const stand = await trial.open({ skewMs })
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
    },
  })),
  {
    id: 'FX-326',
    sentence: 'A callback is refused by its type where callbacks are not supported, and occupies nothing.',
    level: 'live-safe',
    sources: ['8.1 #19', 'core 9.1 f'],
    claims: ['noCallbacks'],
    check: (trial) => demandRefusedByName(trial, callbackWorkload(), 'ExecuteCallback'),
  },
  {
    id: 'FX-327',
    sentence: 'A workload of a type that nobody knows is refused by that type, and occupies nothing.',
    level: 'live-safe',
    sources: ['8.1 #21'],
    check: (trial) =>
      demandRefusedByName(trial, { ...callbackWorkload(), type: 'BakeBread' } as unknown as Workload, 'BakeBread'),
  },
  {
    id: 'FX-328',
    sentence: 'A workload and its options are not changed by running it.',
    level: 'full',
    sources: ['13.6 #15'],
    async check(trial) {
      const stand = await trial.open()
      const workload = deepFrozen(await trial.mint('succeed'))
      stand.submitWith(workload, deepFrozen(structuredClone(trial.subject.executorConfig ?? null)))
      demandEqual(await stand.ended(workload), SUCCESS, 'The reported exit')
    },
  },
  {
    id: 'FX-329',
    sentence: 'An executorConfig that no text can express harms no other task, and its own does not hang.',
    level: 'full',
    sources: ['13.6 #15', 'W9'],
    async check(trial) {
      const stand = await trial.open()
      const [strange, plain] = await trial.laboratory.mint('succeed', 2)
      if (strange === undefined || plain === undefined) return
      const circular: { self?: unknown } = {}
      circular.self = circular
      const isTaken = !(await stand.calls.rejects('queueWorkload', async () =>
        stand.submitWith(strange, { circular, big: 1n, call: () => undefined }),
      ))
      stand.submit(plain)
      demandEqual(await stand.ended(plain), SUCCESS, 'The reported exit of the other task')
      if (isTaken) await stand.ended(strange)
    },
  },
  {
    id: 'FX-330',
    sentence: 'One workload that cannot begin holds up no other of the same turn.',
    level: 'full',
    sources: ['W9', '13.6 #9'],
    async check(trial) {
      const stand = await trial.open()
      const [bad, good] = [await trial.mint('misplaced'), await trial.mint('succeed')]
      stand.submit(bad, good)
      demandEqual(await stand.ended(good), SUCCESS, 'The reported exit of the other task')
      await stand.ended(bad)
    },
  },
  {
    id: 'FX-331',
    sentence: 'A workload that is too large for it is refused before it is sent, with both sizes.',
    level: 'live-safe',
    sources: ['13.6 #16'],
    claims: ['payloadLimit'],
    async check(trial) {
      const stand = await trial.open()
      const limit = trial.executorClass.maxPayloadBytes ?? 0
      const workload = largeTask(trial, limit + 1)
      const message = refusalOf(() =>
        stand.executor.queueWorkload(workload, { queue: 'default', executorConfig: null }),
      )
      demand(message !== null, `A workload of more than ${limit} bytes was accepted.`)
      demand(message.includes(String(limit)), `The refusal does not name the limit of ${limit}: ${message}`)
    },
  },
  {
    id: 'FX-332',
    sentence: 'A thousand workloads, handed over at once, all end with success, and leave no slot behind.',
    level: 'full',
    sources: ['13.6 #23', 'W5'],
    async check(trial) {
      const stand = await trial.open({ parallelism: 16 })
      const workloads = await trial.laboratory.mint('succeed', trial.volume)
      stand.submit(...workloads)
      const exits = await stand.allEnded(workloads)
      const failed = exits.filter((exit) => JSON.stringify(exit) !== JSON.stringify(SUCCESS))
      demandEqual(failed, [], `The ends of ${trial.volume} workloads that were no success`)
      demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied at the end')
    },
  },
]

async function demandRefusedByName(trial: Trial, workload: Workload, type: string): Promise<void> {
  const stand = await trial.open()
  const message = refusalOf(() => stand.executor.queueWorkload(workload, { queue: 'default', executorConfig: null }))
  demand(message !== null, `A workload of type ${type} was accepted.`)
  demand(message.includes(type), `The refusal does not name the type ${type}: ${message}`)
  demandEqual(stand.executor.slotsOccupied, 0, 'slotsOccupied after the refusal')
}

function refusalOf(call: () => void): string | null {
  try {
    call()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function callbackWorkload(): ExecuteCallback {
  return {
    type: 'ExecuteCallback',
    callbackId: randomUUID() as ExecuteCallback['callbackId'],
    dispatchId: randomUUID() as ExecuteCallback['dispatchId'],
    bundle: { name: 'trial', hash: 'none', file: 'none.ts' },
    priorityWeight: 1,
    queue: 'default',
    logPath: 'callback.log',
    token: 'ticket',
  }
}

function largeTask(trial: Trial, bytes: number): ExecuteTask {
  return {
    type: 'ExecuteTask',
    taskInstance: trial.stranger(),
    bundle: { name: 'trial', hash: 'none', file: 'none.ts' },
    program: { kind: 'shell', command: ' '.repeat(bytes), env: {}, cwd: null, skipOnExitCode: null },
    inputs: [],
    executionTimeoutMs: null,
    isolation: 'process',
    logPath: 'large.log',
    sentryIntegration: null,
    token: 'ticket',
  }
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) deepFrozen(part)
  return Object.freeze(value)
}
