import { readFileSync } from 'node:fs'
import type { Stage } from './stage.ts'
import { TASKS_OF_A_RUN } from './stream.ts'

/** What is wrong when all is over, one sentence each: the database held against itself and against what tasks wrote. */
export async function findings(stage: Stage, runIds: readonly string[]): Promise<readonly string[]> {
  const successes = await successesOf(stage)
  return [
    ...(await runProblems(stage, runIds)),
    ...outcomeProblems(runIds, successes),
    ...beginProblems(beginsIn(stage.journal), successes),
    ...(await chainProblems(stage)),
    ...(await leftOvers(stage)),
  ]
}

interface Success {
  readonly run_id: string
  readonly task_id: string
  readonly count: string
  readonly at: string
}

function successesOf(stage: Stage): Promise<Success[]> {
  return stage.query<Success>(
    `select run_id, task_id, count(*) as count, min(at) as at from audit_log
     where event = 'task_instance.state' and to_state = 'success' group by run_id, task_id`,
  )
}

async function runProblems(stage: Stage, runIds: readonly string[]): Promise<readonly string[]> {
  const rows = await stage.query<{ run_id: string; state: string }>(`select run_id, state from dag_run`)
  const states = new Map(rows.map((row) => [row.run_id, row.state]))
  const lost = runIds.filter((runId) => !states.has(runId)).map((runId) => `${runId} was lost`)
  const unfinished = rows.filter(({ state }) => state !== 'success').map((row) => `${row.run_id} is ${row.state}`)
  return [...lost, ...unfinished]
}

function outcomeProblems(runIds: readonly string[], successes: readonly Success[]): readonly string[] {
  const twice = successes.filter(({ count }) => Number(count) !== 1)
  const wanted = runIds.length * TASKS_OF_A_RUN
  return [
    ...twice.map(({ run_id, task_id, count }) => `${run_id} ${task_id}: success was accepted ${count} times`),
    ...(successes.length === wanted ? [] : [`${successes.length} tasks of ${wanted} have succeeded`]),
  ]
}

interface Begin {
  readonly task: string
  readonly tryNumber: string
  readonly at: number
}

function beginsIn(journal: string): readonly Begin[] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [what, runId, taskId, tryNumber = '', , at] = line.split(' ')
      return what === 'begin' ? [{ task: `${runId} ${taskId}`, tryNumber, at: Number(at) }] : []
    })
}

function beginProblems(begins: readonly Begin[], successes: readonly Success[]): readonly string[] {
  const tries = new Map<string, number>()
  for (const { task, tryNumber } of begins) {
    const key = `${task} try ${tryNumber}`
    tries.set(key, (tries.get(key) ?? 0) + 1)
  }
  const twice = [...tries].filter(([, count]) => count > 1).map(([key, count]) => `${key} began ${count} times`)
  const succeededAt = new Map(successes.map((row) => [`${row.run_id} ${row.task_id}`, Number(row.at)]))
  const late = begins.filter(({ task, at }) => at > (succeededAt.get(task) ?? Infinity))
  return [...twice, ...late.map(({ task }) => `${task} began again after it had succeeded`)]
}

/** Each move of a task instance leaves the state that the one before has entered. */
async function chainProblems(stage: Stage): Promise<readonly string[]> {
  const rows = await stage.query<{ run_id: string; task_id: string; from_state: string; before: string }>(
    `select * from (
       select run_id, task_id, from_state,
         lag(to_state) over (partition by run_id, task_id order by seq) as before
       from audit_log where event = 'task_instance.state') as moves
     where before is not null and from_state is distinct from before`,
  )
  return rows.map((row) => `${row.run_id} ${row.task_id} left ${row.from_state}, and was ${row.before}`)
}

async function leftOvers(stage: Stage): Promise<readonly string[]> {
  const [row] = await stage.query<Record<string, string>>(
    `select (select count(*) from dispatch) as "slots still taken",
       (select count(*) from dag_run where unfinished <> 0 or active <> 0 or waiting <> 0) as "runs with a wrong count",
       (select count(*) from dag where running_runs <> 0 or queued_runs <> 0) as "Dags with a wrong count"`,
  )
  return Object.entries(row ?? {}).flatMap(([what, count]) => (Number(count) === 0 ? [] : [`${count} ${what}`]))
}
