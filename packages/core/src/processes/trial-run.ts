import type { DagSpec, ExecuteTask } from '@fairlead/protocol'
import type { ExecutionTokens } from '../api/index.ts'
import { readDispatches } from '../db/queries/dispatches.ts'
import { workloadOf } from '../dispatch/workload-of.ts'
import { claimTaskInstances } from '../moves/claim-task-instances.ts'
import { createDagRun } from '../moves/create-dag-run.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { registerDagFile } from '../moves/register-dag-file.ts'
import { startDagRuns } from '../moves/start-dag-runs.ts'

/** Runs of a trial server: what a scheduler does up to the hand-over, at once and by hand. */

/** The one executor of a trial. */
export const TRIAL_EXECUTOR = 'under-trial'
const BUNDLE = 'trial'
const MANY = 1_000_000

/** Queues every task of a new run of the Dag, and answers the workloads in the order of its tasks. */
export async function queueTrialRun(
  moves: MoveContext,
  schedulerId: string,
  { spec, bundleHash, tokens }: { spec: DagSpec; bundleHash: string; tokens: ExecutionTokens },
): Promise<readonly ExecuteTask[]> {
  const defaults = { pauseNew: false, maxActiveRuns: MANY, maxActiveTasks: MANY }
  await registerDagFile(moves, {
    bundleName: BUNDLE,
    file: `${spec.dagId}.ts`,
    hash: bundleHash,
    dags: [spec],
    defaults,
  })
  const created = await createDagRun(moves, {
    dagId: spec.dagId,
    runId: `trial__${moves.environment.random.uuid(moves.environment.clock.now())}`,
    triggeredBy: 'trial',
    runType: 'manual',
    logicalDate: null,
    dataInterval: null,
    runAfter: null,
    conf: null,
    note: null,
  })
  if (created.kind !== 'created') throw new Error(`The run of Dag "${spec.dagId}" was not created: ${created.kind}.`)
  await startDagRuns(moves)
  return await claimAll(moves, schedulerId, spec.tasks.length, tokens)
}

/** Claims as often as one claim has its limits. */
async function claimAll(
  moves: MoveContext,
  schedulerId: string,
  count: number,
  tokens: ExecutionTokens,
): Promise<readonly ExecuteTask[]> {
  const dispatchIds: string[] = []
  while (dispatchIds.length < count) {
    const offers = new Map([[TRIAL_EXECUTOR, { kind: 'open', parallelism: MANY } as const]])
    const claim = await claimTaskInstances(moves, { id: schedulerId }, offers)
    if (claim.kind === 'fenced' || claim.tasks.length === 0)
      throw new Error(`Only ${dispatchIds.length} of ${count} tasks were claimed.`)
    dispatchIds.push(...claim.tasks.map(({ dispatchId }) => dispatchId))
  }
  const rows = await moves.database.transaction(async (tx) => {
    const found = await readDispatches(tx, dispatchIds)
    return Promise.all(found.map(async (row) => ({ row, graph: await moves.graphs.of(tx, row.version_id) })))
  })
  const inOrder = rows.toSorted((a, b) => a.row.task_index - b.row.task_index)
  return await Promise.all(
    inOrder.map(async ({ row, graph }) => {
      const mintTicket = ({ id, dispatchId }: ExecuteTask['taskInstance']): Promise<string> =>
        tokens.createTicket({ taskInstanceId: id, dispatchId })
      return (await workloadOf(row, graph, { mintTicket, sentryIntegration: null })).workload
    }),
  )
}
