import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../../testkit/eventually.ts'
import { findings } from './findings.ts'
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
    const client = await stage.login()
    await client.eventuallyKnown('stream')
    const gates = Array.from({ length: RUNS }, (_, index) => join(stage.installation.folder, `gate-${index}`))
    const runIds = await Promise.all(
      gates.map((gate, index) =>
        client.trigger('stream', { runId: `run-${index}`, conf: { journal: stage.journal, longestMs: 0, gate } }),
      ),
    )
    await eventually(() => linesOf(stage, 'begin').length === RUNS, { timeoutMs: 60_000 })
    await stage.part('api-server').process.kill('SIGKILL')
    say(`the API server is down; ${RUNS} tasks run`)
    // One ends early in the outage, one in its middle, one after it.
    await sleep(downMs / 10)
    open(gates[0])
    await sleep(downMs / 2)
    open(gates[1])
    await sleep(downMs - downMs / 10 - downMs / 2)
    const ended = linesOf(stage, 'end').length
    say(`${downMs / 1000} s later: ${RUNS - ended} tasks run on, ${ended} have ended and wait to be heard`)
    await stage.part('api-server').process.start()
    open(gates[2])
    const again = await stage.login()
    for (const runId of runIds) await again.runEnd('stream', runId, 180_000)
    await eventually(async () => (await stage.query('select 1 from dispatch')).length === 0)
    const retried = await stage.query<{ run_id: string; task_id: string }>(
      `select run_id, task_id from task_instance where try_number <> 1`,
    )
    problems.push(
      ...retried.map((row) => `${row.run_id} ${row.task_id} was tried again`),
      ...(await findings(stage, runIds)),
    )
    if (problems.length > 0)
      throw new Error(`${problems.join('\n')}\nLeft for inspection: ${stage.installation.folder}`)
    return `The API server was down for ${downMs / 1000} s: each of ${RUNS} runs succeeded at the first try of every task.`
  } finally {
    await stage.close(problems.length > 0)
  }
}

function open(gate: string | undefined): void {
  writeFileSync(gate ?? '', '')
}

function linesOf({ journal }: Stage, what: string): readonly string[] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${what} `))
}
