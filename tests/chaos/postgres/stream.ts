import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../../testkit/eventually.ts'
import type { RestClient } from '../../../testkit/rest-client.ts'
import type { Stage } from './stage.ts'

/** Tasks of one run of the Dag below. */
export const TASKS_OF_A_RUN = 7

/** Values that go from hand to hand, in processes that write down when they begin and end. */
export const STREAM_DAG = `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('stream', {
  isPausedUponCreation: false,
  maxActiveRuns: 16,
  defaultArgs: { retries: 50, retryDelay: { seconds: 0 } },
})

function note(what: string): void {
  const { conf, runId, taskId, tryNumber } = getContext()
  const line = [what, runId, taskId, tryNumber, process.pid, Date.now()].join(' ')
  appendFileSync(String(conf['journal']), line + '\\n')
}

async function work(value: string): Promise<string> {
  note('begin')
  const { conf } = getContext()
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * Number(conf['longestMs'])))
  while (conf['gate'] !== undefined && !existsSync(String(conf['gate']))) await new Promise((resolve) => setTimeout(resolve, 20))
  note('end')
  return value
}

const first = dag.task('first', () => work('value'))()
const middle = dag.task('middle', ({ value }: { value: string }) => work(value + '!'))
const a = middle.as('middle_a')({ value: first })
const b = middle.as('middle_b')({ value: first })
const c = middle.as('middle_c')({ value: first })
const d = middle.as('middle_d')({ value: first })
const shell = dag.shell('shell', 'sleep 0.2')().after(first)
dag.task('last', async (values: { a: string; b: string; c: string; d: string }) => {
  const said = [values.a, values.b, values.c, values.d].join()
  if (said !== 'value!,value!,value!,value!') throw new Error('Values were lost: ' + said)
  await work('done')
})({ a, b, c, d }).after(shell)
`

/** Keeps a number of runs going until the signal aborts; answers the ids of all that were asked for. */
export async function streamRuns(
  stage: Stage,
  { atOnce, longestMs, signal }: { atOnce: number; longestMs: number; signal: AbortSignal },
): Promise<readonly string[]> {
  const asked: string[] = []
  while (!signal.aborted) {
    const open = await openRuns(stage)
    if (open !== null && open < atOnce) {
      const runId = `run-${asked.length}`
      asked.push(runId)
      await triggerWhateverHappens(stage, runId, longestMs)
    }
    await sleep(200)
  }
  return asked
}

/** Null while the database cannot be asked. */
async function openRuns(stage: Stage): Promise<number | null> {
  try {
    const [row] = await stage.query<{ count: string }>(
      `select count(*) as count from dag_run where state in ('queued', 'running')`,
    )
    return Number(row?.count)
  } catch {
    return null // It is being restarted.
  }
}

/** Asks for a run until it is known, as a client would: the answer to an earlier call may have been lost. */
async function triggerWhateverHappens(stage: Stage, runId: string, longestMs: number): Promise<void> {
  const trigger = async (): Promise<boolean> => {
    const client: RestClient = await stage.login()
    await client.trigger('stream', { runId, conf: { journal: stage.journal, longestMs } }).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.includes('answered 409'))) throw error
    })
    return true
  }
  await eventually(trigger, { timeoutMs: 180_000, everyMs: 300 })
}
