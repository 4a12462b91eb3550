import type { Invariant } from '../invariant.ts'
import { demand, demandEqual } from '../violation.ts'
import type { Stand } from '../stand.ts'
import type { Trial } from '../trial.ts'
import type { ExecuteTask, WorkloadExit } from '@fairlead/protocol'

/** Running tasks, and saying truly how they ended. */
export const runningInvariants: readonly Invariant[] = [
  {
    id: 'FX-301',
    sentence: 'A task that succeeds runs once, and its end is reported once, as exit code 0.',
    level: 'full',
    sources: ['13.6 #1'],
    async check(trial) {
      const { stand, workload, exit } = await runToEnd(trial, 'succeed')
      demandEqual(exit, { kind: 'exited', exitCode: 0 }, 'The reported exit')
      await demandAttempt(trial, workload, { state: 'success', grants: 1 })
      await stand.demandOneEnd(workload)
    },
  },
  {
    id: 'FX-302',
    sentence: 'A task that fails by its own fault is reported as the end of its process, not as a loss.',
    level: 'full',
    sources: ['13.6 #2', 'W1'],
    async check(trial) {
      const { workload, exit } = await runToEnd(trial, 'fail')
      demand(exit.kind === 'exited' && exit.exitCode !== 0, `The task ended with exit code 7, ${reportedAs(exit)}.`)
      await demandAttempt(trial, workload, { state: 'failed', grants: 1 })
    },
  },
  {
    id: 'FX-303',
    sentence: 'A task that crashes is never reported as a success.',
    level: 'full',
    sources: ['8.2 #45', 'providers 8.8 (#65833)'],
    async check(trial) {
      const { workload, exit } = await runToEnd(trial, 'crash')
      demand(!isSuccess(exit), `The task died of SIGSEGV, ${reportedAs(exit)}.`)
      await demandAttempt(trial, workload, { state: 'failed', grants: 1 })
    },
  },
  {
    id: 'FX-304',
    sentence: 'A task whose process leaves without saying anything is settled as failed, and ends once.',
    level: 'full',
    sources: ['W14', '13.6 #2'],
    async check(trial) {
      const { workload } = await runToEnd(trial, 'exit')
      await demandAttempt(trial, workload, { state: 'failed', grants: 1 })
    },
  },
  {
    id: 'FX-305',
    sentence:
      'A started task whose process is killed from outside is reported once, not as a success, and not run again.',
    level: 'full',
    sources: ['13.6 #11', 'providers 12.3', '8.2 #45'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('family')
      stand.submit(workload)
      await trial.userCodeRuns(stand, workload)
      await trial.kill(workload)
      const exit = await stand.ended(workload)
      demand(!isSuccess(exit), `The task was killed, ${reportedAs(exit)}.`)
      await stand.demandOneEnd(workload)
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 1, 'The number of processes that ran it')
    },
  },
  {
    id: 'FX-306',
    sentence: 'A workload that the API refuses to start runs nothing, and is reported as ended without success.',
    level: 'full',
    sources: ['W20', '8.5 #90'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed')
      await trial.laboratory.settle([
        {
          dispatchId: workload.taskInstance.dispatchId,
          exit: { kind: 'cancelled', detail: 'superseded by the trial' },
        },
      ])
      stand.submit(workload)
      const exit = await stand.ended(workload)
      demand(!isSuccess(exit), `Nothing ran, ${reportedAs(exit)}.`)
      demandEqual((await trial.laboratory.attemptOf(workload)).grants, 0, 'The number of processes that ran it')
    },
  },
  {
    id: 'FX-307',
    sentence: 'A workload that cannot begin ends as never started, with a reason; nothing hangs.',
    level: 'full',
    sources: ['13.6 #9', 'W11'],
    async check(trial) {
      const { exit } = await runToEnd(trial, 'misplaced')
      demand(!isSuccess(exit), `Its working folder does not exist, ${reportedAs(exit)}.`)
    },
  },
  {
    id: 'FX-308',
    sentence: 'A task that runs longer than its execution timeout is ended, with all its processes.',
    level: 'full',
    sources: ['contract'],
    async check(trial) {
      const { workload, exit } = await runToEnd(trial, 'overrun')
      demand(!isSuccess(exit), `The task overran its timeout, ${reportedAs(exit)}.`)
      demand(!(await trial.lives(workload)), 'Its process still lives after its end was reported.')
    },
  },
  {
    id: 'FX-309',
    sentence: 'A short outage of the API kills no running task, and its outcome is settled afterwards.',
    level: 'full',
    sources: ['W19'],
    isAlone: true,
    async check(trial) {
      const stand = await trial.open()
      const runs = await trial.mint('hold')
      stand.submit(runs)
      await trial.began(stand, runs)
      trial.laboratory.cut()
      try {
        await trial.laboratory.release(runs)
        await stand.linger()
      } finally {
        trial.laboratory.restore()
      }
      demandEqual(await stand.ended(runs), { kind: 'exited', exitCode: 0 }, 'The reported exit')
      await demandAttempt(trial, runs, { state: 'success', grants: 1 })
    },
  },
  {
    id: 'FX-310',
    sentence: 'A task that writes a lot runs to its end.',
    level: 'full',
    sources: ['8.2 #50'],
    async check(trial) {
      const { exit } = await runToEnd(trial, 'print')
      demandEqual(exit, { kind: 'exited', exitCode: 0 }, 'The reported exit')
    },
  },
]

/** Runs one workload of a probe to its reported end. */
export async function runToEnd(
  trial: Trial,
  probe: Parameters<Trial['mint']>[0],
): Promise<{ stand: Stand; workload: ExecuteTask; exit: WorkloadExit }> {
  const stand = await trial.open()
  const workload = await trial.mint(probe)
  stand.submit(workload)
  return { stand, workload, exit: await stand.ended(workload) }
}

/** Demands what the API knows of a workload. The executor's report may come before the API has settled it. */
async function demandAttempt(
  trial: Trial,
  workload: ExecuteTask,
  wanted: { readonly state: string; readonly grants: number },
): Promise<void> {
  const { state, grants } = await trial.laboratory.attemptOf(workload)
  demandEqual({ state, grants }, wanted, 'What the API knows of the attempt')
}

function isSuccess(exit: WorkloadExit): boolean {
  return exit.kind === 'exited' && exit.exitCode === 0
}

function reportedAs(exit: WorkloadExit): string {
  return `and the executor reported ${JSON.stringify(exit)}`
}
