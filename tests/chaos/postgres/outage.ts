import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../../testkit/eventually.ts'
import { findings } from './findings.ts'
import { GatedRuns } from './gated-runs.ts'
import { Stage } from './stage.ts'

/** How long the API is away, and how often tasks say that they live. */
export interface OutageOptions {
  readonly downMs: number
  /** What is not the default: shorter times for a shorter outage. */
  readonly executorSettings: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string>>
  say(line: string): void
}

const RUNS = 3

/**
 * Ends the API server while tasks run, for as long as asked. Some of them end meanwhile. When it is back all of them are
 * accepted, and none was killed or begun again. Throws with what was found wrong.
 */
export async function apiOutage({ downMs, executorSettings, env, say }: OutageOptions): Promise<string> {
  const stage = await Stage.open(executorSettings, env)
  const problems: string[] = []
  try {
    await Promise.all(stage.parts.map(({ process }) => process.start()))
    const runs = await GatedRuns.begin(stage, RUNS)
    await stage.part('api-server').process.kill('SIGKILL')
    say(`the API server is down; ${RUNS} tasks run`)
    // One ends early in the outage, one later in it, one after it.
    await sleep(downMs / 10)
    runs.letGo(0)
    await sleep(downMs / 2)
    runs.letGo(1)
    await sleep(downMs - downMs / 10 - downMs / 2)
    say(`${downMs / 1000} s later: ${RUNS - runs.ended} run on, ${runs.ended} have ended and wait to be heard`)
    await stage.part('api-server').process.start()
    runs.letGo(2)
    await runs.ends()
    await eventually(async () => (await stage.query('select 1 from dispatch')).length === 0)
    const retried = await stage.query<{ run_id: string; task_id: string }>(
      `select run_id, task_id from task_instance where try_number <> 1`,
    )
    problems.push(...retried.map((row) => `${row.run_id} ${row.task_id} was tried again`))
    problems.push(...(await findings(stage, runs.ids)))
    if (problems.length > 0)
      throw new Error(`${problems.join('\n')}\nLeft for inspection: ${stage.installation.folder}`)
    return `The API server was down for ${downMs / 1000} s: each of ${RUNS} runs succeeded at the first try of every task.`
  } finally {
    await stage.close(problems.length > 0)
  }
}
