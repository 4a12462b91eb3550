import type { TaskSpec } from '@fairlead/protocol'
import type { Database } from '../db/database.ts'
import { configProblem } from './config-fit.ts'
import { overviewOfExecutors, type ConfiguredInstance, type ExecutorOverview } from './executor-overview.ts'

/** Which executors can be asked to run one task instance by itself. */
export interface AdHocExecutors {
  /** Why an executor cannot be asked, as a sentence; null when it can. */
  problemWith(executor: string): string | null
  readonly able: readonly string[]
}

/** Judges every executor that is configured or alive, by its class, its drain and what its class takes as configuration. */
export async function adHocExecutors(
  database: Database,
  { configured, task, now }: { configured: readonly ConfiguredInstance[]; task: TaskSpec; now: number },
): Promise<AdHocExecutors> {
  const overview = await overviewOfExecutors(database, configured, now)
  const problems = new Map<string, string | null>()
  for (const one of overview) {
    const instance = configured.find(({ name }) => name === one.name)
    problems.set(one.name, problemOf(one) ?? (instance === undefined ? null : await misfit(instance, task)))
  }
  return {
    problemWith: (name) => problems.get(name) ?? (problems.has(name) ? null : `There is no executor "${name}".`),
    able: [...problems].filter(([, problem]) => problem === null).map(([name]) => name),
  }
}

function problemOf({ name, state, facts, drain }: ExecutorOverview): string | null {
  if (state.kind === 'unconfigured' || facts === null) return `There is no executor "${name}".`
  if (!facts.supportsAdHocTiRun) return `Executor "${name}" runs no task instance on demand.`
  return drain === null ? null : `Executor "${name}" is being drained.`
}

async function misfit({ name, executorConfigSchema }: ConfiguredInstance, task: TaskSpec): Promise<string | null> {
  const problem = await configProblem(executorConfigSchema, task.executorConfig)
  return problem === null ? null : `Executor "${name}" does not take the task's executorConfig: ${problem}.`
}
