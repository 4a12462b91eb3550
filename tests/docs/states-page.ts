import {
  DAG_RUN_MOVES,
  FAILURE_CAUSES,
  TASK_INSTANCE_MOVES,
  TRIGGER_RULES,
  isTerminal,
  isTerminalDagRun,
  type DagRunState,
  type FailureCause,
  type TaskInstanceState,
  type TriggerRule,
} from '@fairlead/protocol'

/** The reference page of states, their legal moves, causes of failure and trigger rules, as Markdown. */
export function statesPage(): string {
  const taskRows = entries(TASK_INSTANCE_MOVES).map(
    ([state, moves]) =>
      `| \`${state}\` | ${TASK_INSTANCES[state]} | ${isTerminal(state) ? 'yes' : ''} | ${listed(moves)} |`,
  )
  const runRows = entries(DAG_RUN_MOVES).map(
    ([state, moves]) =>
      `| \`${state}\` | ${DAG_RUNS[state]} | ${isTerminalDagRun(state) ? 'yes' : ''} | ${listed(moves)} |`,
  )
  const causeRows = FAILURE_CAUSES.map((cause) => `| \`${cause}\` | ${CAUSES[cause]} |`)
  const ruleRows = TRIGGER_RULES.map((rule) => `| \`${rule}\` | ${RULES[rule]} |`)
  return [
    HEADER,
    '## Task instances\n\n| state | means | settled | may become |\n| --- | --- | --- | --- |',
    ...taskRows,
    '\n## Dag runs\n\n| state | means | ended | may become |\n| --- | --- | --- | --- |',
    ...runRows,
    '\n## Why a try failed\n\nThe first cause wins and never changes.\n\n| cause | means |\n| --- | --- |',
    ...causeRows,
    '\n## Trigger rules\n\nA task without upstream tasks always runs.\n\n| rule | the task runs when |\n| --- | --- |',
    ...ruleRows,
    '',
  ].join('\n')
}

const HEADER = `# States

<!-- Generated from packages/protocol/src by: npx vitest run tests/docs/states.test.ts --update. Do not edit. -->

States are Airflow's, with the same strings. A change that is not listed here is refused, and a settled state is left
only by a clear.
`

const TASK_INSTANCES: Record<TaskInstanceState, string> = {
  none: 'created; it waits for its upstream tasks',
  scheduled: 'its trigger rule is met; it waits for a slot',
  queued: 'handed to its executor, and not begun',
  running: 'a worker runs it',
  success: 'it ended well',
  failed: 'it ended badly, and no try is left',
  up_for_retry: 'a try failed; the next waits for its delay',
  up_for_reschedule: 'a sensor looks again later (reserved)',
  upstream_failed: 'it cannot run, because an upstream task failed',
  skipped: 'it was not to run, or chose not to',
  deferred: 'it waits for an event without a worker (reserved)',
  restarting: 'it was cleared while it ran, and waits until its process is confirmed gone',
  removed: 'its Dag has it no longer',
}

const DAG_RUNS: Record<DagRunState, string> = {
  queued: 'created; it waits for its time, or for a place among the runs of its Dag',
  running: 'its tasks are scheduled as they become ready',
  success: 'every task is settled, and no last one failed',
  failed: 'every task is settled, and a last one failed',
}

const CAUSES: Record<FailureCause, string> = {
  user_error: 'the task threw',
  nonzero_exit: 'its process ended with another exit code than 0',
  timed_out: 'it took longer than its `executionTimeout`',
  v8_abort: 'Node gave up, most often for lack of heap; `--max-old-space-size` is the limit',
  out_of_memory_killed: 'the kernel killed it for lack of memory',
  killed_externally: 'somebody killed its process',
  crashed: 'its process died of a signal such as SIGSEGV',
  cancelled: 'it was told to stop',
  never_started: 'no process was ever begun, in as many attempts as there may be',
  lost: 'nothing was heard of it for too long, or its end was not seen',
  superseded: 'another dispatch of the same task took its place',
  shutdown: 'its worker was shut down',
}

const RULES: Record<TriggerRule, string> = {
  all_success: 'all upstream tasks succeeded',
  all_failed: 'all failed, or could not run',
  all_done: 'all are settled, however',
  all_done_min_one_success: 'all are settled, none is skipped, and at least one succeeded',
  all_done_setup_success: 'all are settled, and a setup task among them succeeded, if there is any',
  all_skipped: 'all are skipped',
  one_success: 'one succeeded; it does not wait for the others',
  one_failed: 'one failed; it does not wait for the others',
  one_done: 'one succeeded or failed; it does not wait for the others',
  none_failed: 'all succeeded or are skipped',
  none_failed_min_one_success: 'all succeeded or are skipped, and at least one succeeded',
  none_skipped: 'all are settled, and none is skipped',
  always: 'at once, whatever its upstream tasks do',
}

function listed(states: readonly string[]): string {
  return states.map((state) => `\`${state}\``).join(', ')
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): Array<[K, V]> {
  return Object.entries(record) as Array<[K, V]>
}
