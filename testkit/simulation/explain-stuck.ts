import { isTerminal } from '@fairlead/protocol'
import { explainTaskInstance, type ExplainedRow } from '../../packages/core/src/dispatch/explain-task-instance.ts'
import type { Fleet } from './fleet.ts'
import type { Machine } from './machine.ts'
import type { Umpire } from './umpire.ts'

/** Says what never ended, and why, as `fairlead tasks explain` would. */
export async function explainStuck(
  umpire: Umpire,
  machines: ReadonlyMap<string, Machine>,
  fleet: Fleet,
): Promise<string> {
  const lines: string[] = []
  for (const run of umpire.model.runs.values()) {
    if (run.state === 'success' || run.state === 'failed') continue
    lines.push(`run ${run.dagId}/${run.runId} is ${run.state}`)
    for (const task of run.tasks.values()) {
      if (!isTerminal(task.state))
        lines.push(`  ${task.taskId} is ${task.state}: ${await explain(run.runKey, task.taskId, fleet)}`)
    }
  }
  for (const machine of machines.values()) {
    const alive = machine.processes.filter((one) => one.exit === null)
    if (alive.length > 0)
      lines.push(`machine ${machine.name} runs ${alive.map((one) => `${one.pid} (${one.script})`).join(', ')}`)
  }
  lines.push(
    `${umpire.slots.heldCount} slots are taken; schedulers: ${fleet.alive.map((one) => one.life.name).join(', ')}`,
  )
  return lines.join('\n')
}

async function explain(runKey: number, taskId: string, fleet: Fleet): Promise<string> {
  const process = fleet.alive[0]
  if (process === undefined) return 'no scheduler lives'
  const { context, dispatcher } = process.scheduler
  const row = await context.database.read
    .selectFrom('task_instance')
    .innerJoin('dag_run', 'dag_run.run_key', 'task_instance.run_key')
    .selectAll('task_instance')
    .select('dag_run.version_id')
    .where('task_instance.run_key', '=', runKey)
    .where('task_id', '=', taskId)
    .executeTakeFirstOrThrow()
  return describe(row, (explained) =>
    explainTaskInstance({ ...context, database: context.database }, dispatcher.offers, explained),
  )
}

async function describe(row: ExplainedRow, ask: (row: ExplainedRow) => Promise<{ sentence: string }>): Promise<string> {
  // Scheduled and undecided ones are explained in a transaction, which needs steps that nobody takes any more.
  if (row.state === 'scheduled' || row.state === 'none') return `ready at ${row.ready_at}, executor ${row.executor}`
  return (await ask(row)).sentence
}
