import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask } from '@fairlead/protocol'
import type { Invariant } from '../invariant.ts'
import { commandLines } from '../local-processes.ts'
import type { Stand } from '../stand.ts'
import type { Trial } from '../trial.ts'
import { demand, demandEqual, NotRun } from '../violation.ts'

/** Tokens, and where they must not be. A ticket may travel with its workload; nothing else may show it. */
export const secrecyInvariants: readonly Invariant[] = [
  {
    id: 'FX-801',
    sentence: 'No token is in what the executor logs.',
    level: 'full',
    sources: ['13.6 #22', 'providers 12.5'],
    async check(trial) {
      const { stand, workload } = await running(trial)
      demandNoToken(JSON.stringify(stand.record.lines), await tokensOf(trial, workload), 'in a line of its log')
    },
  },
  {
    id: 'FX-802',
    sentence: 'No token is in an event: neither in the external id, nor in how a task ended.',
    level: 'full',
    sources: ['13.6 #22', '8.1 #29'],
    async check(trial) {
      const { stand, workload } = await running(trial)
      await trial.kill(workload)
      await stand.ended(workload)
      demandNoToken(JSON.stringify(stand.record.reported), await tokensOf(trial, workload), 'in an event')
    },
  },
  {
    id: 'FX-803',
    sentence: 'No token is on a command line of this machine while a task runs.',
    level: 'full',
    sources: ['13.6 #22', 'providers 12.5'],
    async check(trial) {
      const { workload } = await running(trial)
      const lines = commandLines()
      if (lines.length === 0) throw new NotRun('command lines cannot be read on this system')
      demandNoToken(lines.join('\n'), await tokensOf(trial, workload), 'on a command line')
    },
  },
  {
    id: 'FX-804',
    sentence: 'No token is in the environment of the process that runs user code.',
    level: 'full',
    sources: ['13.6 #22', 'contract'],
    async check(trial) {
      const { workload } = await running(trial)
      const { process } = await trial.laboratory.attemptOf(workload)
      const path = `/proc/${process?.pid}/environ`
      if (process?.hostname !== hostname() || !existsSync(path))
        throw new NotRun('the environment of its process cannot be read from here')
      demandNoToken(readFileSync(path, 'utf8'), await tokensOf(trial, workload), 'in its environment')
    },
  },
  {
    id: 'FX-805',
    sentence: 'When a task has ended, no token of it is left in the rows of the executor.',
    level: 'full',
    sources: ['13.6 #22', 'providers 12.5'],
    async check(trial) {
      const { stand, workload } = await running(trial)
      await trial.kill(workload)
      await stand.ended(workload)
      const tokens = await tokensOf(trial, workload)
      await stand.soon('its rows are free of tokens', () => {
        const rows = [...stand.record.rows.values()].join('\n')
        return tokens.every((token) => !rows.includes(token))
      })
    },
  },
  {
    id: 'FX-806',
    sentence: 'No token is in the log of the task.',
    level: 'full',
    sources: ['13.6 #22', 'providers 0.1 (#62428)'],
    async check(trial) {
      const { stand, workload } = await running(trial)
      await trial.kill(workload)
      await stand.ended(workload)
      const path = join(trial.laboratory.logFolder, workload.logPath)
      if (!existsSync(path)) throw new NotRun('its logs are not on this machine')
      demandNoToken(readFileSync(path, 'utf8'), await tokensOf(trial, workload), 'in the log')
    },
  },
  {
    id: 'FX-807',
    sentence: 'What the outside shows of a running task holds no session token.',
    level: 'full',
    sources: ['13.6 #22'],
    hooks: ['describe'],
    async check(trial) {
      const { workload } = await running(trial)
      const { sessions } = await trial.laboratory.attemptOf(workload)
      demandNoToken((await trial.hooks.describe?.()) ?? '', sessions, 'in what the outside shows')
    },
  },
]

async function running(trial: Trial): Promise<{ stand: Stand; workload: ExecuteTask }> {
  const stand = await trial.open()
  const workload = await trial.mint('sleep')
  stand.submit(workload)
  await trial.began(stand, workload)
  await stand.linger()
  return { stand, workload }
}

async function tokensOf(trial: Trial, workload: ExecuteTask): Promise<readonly string[]> {
  const { sessions } = await trial.laboratory.attemptOf(workload)
  demand(sessions.length > 0, 'The worker of a running task was given no session.')
  return [workload.token, ...sessions]
}

function demandNoToken(text: string, tokens: readonly string[], where: string): void {
  demandEqual(tokens.filter((token) => text.includes(token)).length, 0, `The number of tokens ${where}`)
}
