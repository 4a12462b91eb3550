import type { TaskInstanceState } from '@fairlead/protocol'
import { clearTaskInstances } from '../../packages/core/src/moves/clear-task-instances.ts'
import { endDagRun } from '../../packages/core/src/moves/end-dag-run.ts'
import { markTaskInstances } from '../../packages/core/src/moves/mark-task-instances.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
import type { TaskInstanceSelection } from '../../packages/core/src/moves/select-task-instances.ts'
import type { RandomStream } from './random-stream.ts'
import type { RunModel } from './run-model.ts'

/** Something that somebody does to a run by hand. */
export interface RandomRewrite {
  readonly label: string
  ask(context: MoveContext): Promise<unknown>
}

const FAILED: ReadonlySet<TaskInstanceState> = new Set(['failed', 'upstream_failed'])

/** Clears, marks or cancels: a task of the run, with others or alone, or the whole run. */
export function randomRewrite(stream: RandomStream, run: RunModel): RandomRewrite {
  const { dagId, runId } = run
  const actor = 'operator'
  const kind = stream.weighted({ clear: 5, mark: 3, run: 2 })
  if (kind === 'run') {
    const as = stream.pick(['success', 'failed', 'cancelled', 'cancelled', 'queued'] as const)
    return { label: `run ${as}`, ask: (context) => endDagRun(context, { dagId, runId, actor, as }) }
  }
  const selection = randomSelection(stream, run)
  const label = `${selection.tasks.taskIds?.join(' ') ?? 'all tasks'} of`
  if (kind === 'mark') {
    const mark = stream.pick(['success', 'failed', 'skipped', 'cancelled', 'cancelled'] as const)
    return {
      label: `mark ${mark} ${label}`,
      ask: (context) => markTaskInstances(context, selection, { actor, isDryRun: false, mark }),
    }
  }
  const order = { actor, isDryRun: stream.chance(0.1), preventsRunning: stream.chance(0.2) }
  return { label: `clear ${label}`, ask: (context) => clearTaskInstances(context, selection, order) }
}

function randomSelection(stream: RandomStream, { dagId, runId, tasks }: RunModel): TaskInstanceSelection {
  const past = stream.chance(0.1)
  return {
    dagId,
    runs: { kind: 'one', runId, past, future: past && stream.chance(0.5) },
    tasks: {
      taskIds: stream.chance(0.3) ? null : [stream.pick([...tasks.keys()])],
      includeUpstream: stream.chance(0.2),
      includeDownstream: stream.chance(0.6),
    },
    mapIndexes: new Map(),
    states: stream.chance(0.2) ? FAILED : null,
  }
}
