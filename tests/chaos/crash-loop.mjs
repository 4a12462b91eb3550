// Kills the server with -9 ten times in the middle of a 500-task run and starts it again. In the end the run has
// succeeded, each task's outcome was accepted once, nothing ran again after it succeeded, and no process is left.
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadServer, processesOf } from './fairlead-server.mjs'

const KILLS = Number(process.argv[2] ?? 10)
const CHAINS = 50
const LENGTH = 10

const folder = mkdtempSync(join(tmpdir(), 'fairlead-crash-loop-'))
const marker = `crash-loop-${process.pid}`
const journal = join(folder, 'journal')
mkdirSync(join(folder, 'dags'))
writeFileSync(join(folder, 'dags', 'crash.ts'), dagFile())
writeFileSync(journal, '')

const server = new FairleadServer({ folder, marker })
await server.start()
const { dag_run_id: runId } = await server.json([
  'dags',
  'trigger',
  'crash_loop',
  '--conf',
  JSON.stringify({ journal }),
])
console.log(`500 tasks triggered as ${runId}`)

for (let kill = 1; kill <= KILLS; kill++) {
  const wanted = (CHAINS * LENGTH * kill) / (KILLS + 2)
  await until(() => finishedLines() >= wanted, `${wanted} tasks to end`)
  server.kill('SIGKILL')
  console.log(`kill ${kill} of ${KILLS} after ${finishedLines()} tasks`)
  await server.ended
  await server.start()
}

const run = await server.waitForRun('crash_loop', runId)
await server.stop()
await until(
  () => processesOf(marker).length === 0,
  'every process to end',
  () => processesOf(marker).join('\n'),
)

const problems = [...(run.state === 'success' ? [] : [`the run ended as ${run.state}`]), ...audit()]
if (problems.length > 0) {
  console.error(problems.join('\n'))
  console.error(`Left for inspection: ${folder}`)
  process.exit(1)
}
rmSync(folder, { recursive: true })
console.log(
  `The run succeeded through ${KILLS} kills: ${CHAINS * LENGTH} outcomes, each accepted once; no process is left.`,
)

function dagFile() {
  return `import { appendFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('crash_loop', { maxActiveTasks: 64, isPausedUponCreation: false, defaultArgs: { retries: 20, retryDelay: 0 } })
const step = dag.task('step', async () => {
  const { conf, taskId } = getContext()
  const write = (what: string) => appendFileSync(String(conf['journal']), \`\${what} \${taskId} \${Date.now()}\\n\`)
  write('begin')
  await new Promise((resolve) => setTimeout(resolve, 20))
  write('end')
})
for (let chain = 0; chain < ${CHAINS}; chain++) {
  let before = step.as(\`c\${chain}_0\`)()
  for (let link = 1; link < ${LENGTH}; link++) before = step.as(\`c\${chain}_\${link}\`)().after(before)
}
`
}

function lines() {
  return readFileSync(journal, 'utf8')
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))
}

function finishedLines() {
  return new Set(
    lines()
      .filter(([what]) => what === 'end')
      .map(([, taskId]) => taskId),
  ).size
}

/** What the database says of each task instance, beside what the tasks themselves wrote. */
function audit() {
  const found = []
  const { DatabaseSync } = createRequire(new URL('../../packages/core/package.json', import.meta.url))(
    '@photostructure/sqlite',
  )
  const database = new DatabaseSync(join(folder, '.fairlead', 'fairlead.db'), { readOnly: true })
  const integrity = database.prepare('pragma integrity_check').get()
  if (integrity.integrity_check !== 'ok') found.push(`the database is damaged: ${integrity.integrity_check}`)
  const successes = database
    .prepare(
      "select task_id, count(*) as count, min(at) as at from audit_log where to_state = 'success' and task_id is not null group by task_id",
    )
    .all()
  if (successes.length !== CHAINS * LENGTH) found.push(`${successes.length} tasks succeeded, not ${CHAINS * LENGTH}`)
  for (const { task_id: taskId, count, at } of successes) {
    if (count !== 1) found.push(`${taskId} succeeded ${count} times`)
    const late = lines().filter(([what, id, when]) => what === 'begin' && id === taskId && Number(when) > at)
    if (late.length > 0) found.push(`${taskId} was begun again after it had succeeded`)
  }
  const leases = database.prepare('select count(*) as count from dispatch').get()
  if (leases.count !== 0) found.push(`${leases.count} slots are still taken`)
  database.close()
  return found
}

async function until(isTrue, what, detail = () => '') {
  const deadline = Date.now() + 120_000
  while (!isTrue()) {
    if (!existsSync(folder) || Date.now() > deadline)
      throw new Error(`Waited in vain for ${what}. ${detail()}\nFolder: ${folder}`)
    await sleep(20)
  }
}
