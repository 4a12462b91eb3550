import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/**
 * Kills the server with -9 in the middle of a 500-task run, ten times, and starts it again. In the end the run has
 * succeeded, each outcome was accepted once, nothing began again after it had succeeded, and no process is left.
 */

const CHAINS = 50
const LENGTH = 10

/** Runs the loop; throws with every broken promise. */
export async function crashLoop(kills: number, say: (line: string) => void): Promise<void> {
  const server = new FairleadServer({ 'crash.ts': DAG })
  const journal = join(server.folder, 'journal')
  writeFileSync(journal, '')
  await server.start()
  const runId = await server.trigger('crash_loop', { journal })
  say(`${CHAINS * LENGTH} tasks triggered as ${runId}`)
  for (let kill = 1; kill <= kills; kill++) {
    const wanted = (CHAINS * LENGTH * kill) / (kills + 2)
    await eventually(() => endedTasks(journal) >= wanted, { timeoutMs: 120_000 })
    await server.kill('SIGKILL')
    say(`kill ${kill} of ${kills}, after ${endedTasks(journal)} tasks`)
    await server.start()
  }
  const state = await server.runEnd('crash_loop', runId, 300_000)
  const leases = (): number =>
    Number(server.query<{ count: number }>('select count(*) as count from dispatch')[0]?.count)
  await server.kill('SIGTERM')
  await eventually(() => server.processes.length === 0, { timeoutMs: 60_000 })
  const problems = [...(state === 'success' ? [] : [`the run ended as ${state}`]), ...audit(server, journal)]
  if (leases() !== 0) problems.push(`${leases()} slots are still taken`)
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\nLeft for inspection: ${server.folder}`)
  await server.dispose()
  say(`The run succeeded through ${kills} kills: ${CHAINS * LENGTH} outcomes, each accepted once; no process is left.`)
}

const DAG = `import { appendFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('crash_loop', {
  maxActiveTasks: 64,
  isPausedUponCreation: false,
  defaultArgs: { retries: 20, retryDelay: { seconds: 0 } },
})
const step = dag.task('step', async () => {
  const { conf, taskId } = getContext()
  const write = (what: string) => appendFileSync(String(conf['journal']), what + ' ' + taskId + ' ' + Date.now() + '\\n')
  write('begin')
  await new Promise((resolve) => setTimeout(resolve, 20))
  write('end')
})
for (let chain = 0; chain < ${CHAINS}; chain++) {
  let before = step.as('c' + chain + '_0')()
  for (let link = 1; link < ${LENGTH}; link++) before = step.as('c' + chain + '_' + link)().after(before)
}
`

function linesOf(journal: string): ReadonlyArray<readonly string[]> {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
}

function endedTasks(journal: string): number {
  return new Set(linesOf(journal).flatMap(([what, taskId]) => (what === 'end' ? [taskId] : []))).size
}

/** What the database says of each task instance, held against what the tasks themselves wrote. */
function audit(server: FairleadServer, journal: string): string[] {
  const problems: string[] = []
  const integrity = server.query<{ integrity_check: string }>('pragma integrity_check')[0]?.integrity_check
  if (integrity !== 'ok') problems.push(`the database is damaged: ${integrity}`)
  const successes = server.query<{ task_id: string; count: number; at: number }>(
    `select task_id, count(*) as count, min(at) as at from audit_log
     where event = 'task_instance.state' and to_state = 'success' group by task_id`,
  )
  if (successes.length !== CHAINS * LENGTH) problems.push(`${successes.length} tasks succeeded`)
  const begins = linesOf(journal).filter(([what]) => what === 'begin')
  for (const { task_id: taskId, count, at } of successes) {
    if (count !== 1) problems.push(`${taskId} succeeded ${count} times`)
    const late = begins.filter(([, id, when]) => id === taskId && Number(when) > at)
    if (late.length > 0) problems.push(`${taskId} began again after it had succeeded`)
  }
  return problems
}
