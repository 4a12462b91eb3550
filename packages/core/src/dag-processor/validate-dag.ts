import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import type { BundlePlace } from '../dispatch/largest-workload.ts'
import { scheduleError } from '../model/timetable.ts'
import { checkAbilities, type Misfit } from './check-abilities.ts'
import { checkExecutorConfig } from './check-executor-config.ts'
import type { DagFileErrorCode, DagImportError } from './dag-import-error.ts'
import { executorNamed, executorsOfTask, namedExecutors, type ExecutorFacts } from './executor-facts.ts'

/** What a Dag may ask of this installation. */
export interface DagRequirements {
  /** The configured executors; the first is the default. */
  readonly executors: readonly ExecutorFacts[]
  /** Where the Dag's code is, which every workload says. */
  readonly bundle: BundlePlace
}

/** Why a Dag cannot run in this installation, or null when it can. */
export async function validateDag(dag: DagSpec, requirements: DagRequirements): Promise<DagImportError | null> {
  return scheduleProblem(dag) ?? executorNotFound(dag, requirements.executors) ?? (await misfitOf(dag, requirements))
}

function scheduleProblem(dag: DagSpec): DagImportError | null {
  const schedule = scheduleError(dag.schedule)
  if (schedule !== null) {
    return invalid('DAG_SCHEDULE_INVALID', `Dag "${dag.dagId}" has no valid schedule. ${schedule}`, dag.location)
  }
  if (dag.startDate !== null && dag.endDate !== null && dag.endDate < dag.startDate) {
    const message = `Dag "${dag.dagId}" ends before it starts. Give it an endDate that is not before its startDate.`
    return invalid('DAG_DATES_INVALID', message, dag.location)
  }
  return null
}

function executorNotFound(dag: DagSpec, executors: readonly ExecutorFacts[]): DagImportError | null {
  const unknownOf = (spec: Parameters<typeof namedExecutors>[0]): string | undefined =>
    namedExecutors(spec).find((name) => executorNamed(executors, name) === undefined)
  const unknown = unknownOf(dag)
  if (unknown !== undefined) return unknownExecutor(unknown, `Dag "${dag.dagId}"`, executors, dag.location)
  for (const task of dag.tasks) {
    const name = unknownOf(task)
    if (name === undefined) continue
    return unknownExecutor(name, `task "${task.taskId}" of Dag "${dag.dagId}"`, executors, task.location)
  }
  return null
}

async function misfitOf(dag: DagSpec, { executors, bundle }: DagRequirements): Promise<DagImportError | null> {
  for (const task of dag.tasks) {
    for (const executor of executorsOfTask(dag, task, executors)) {
      const misfit = checkAbilities(dag, task, executor, bundle) ?? (await checkExecutorConfig(dag, task, executor))
      if (misfit !== null) return misfitError(misfit, task)
    }
  }
  return null
}

/** Two files hold a Dag of one id; only the first may keep it. */
export function duplicateDagError(dag: DagSpec, ownerFile: string): DagImportError {
  const message = `Dag "${dag.dagId}" is already defined in ${ownerFile}. Give one of the two another id.`
  return invalid('DAG_DUPLICATE', message, dag.location)
}

/** The same id twice in one file, or null. */
export function duplicateInFile(dags: readonly DagSpec[]): DagImportError | null {
  const second = dags.find((dag, index) => dags.findIndex((other) => other.dagId === dag.dagId) < index)
  if (second === undefined) return null
  const first = dags.find((dag) => dag.dagId === second.dagId)
  return duplicateDagError(second, first?.location ?? 'the same file')
}

function unknownExecutor(
  name: string,
  who: string,
  executors: readonly ExecutorFacts[],
  location: string | null,
): DagImportError {
  const configured = executors.map((executor) => `"${executor.name}"`).join(', ')
  const message =
    `No executor named "${name}" is configured; configured are ${configured}. ` +
    `Add it under \`executors\`, or remove it from ${who}.`
  return invalid('EXECUTOR_NOT_FOUND', message, location)
}

function misfitError({ code, message }: Misfit, { location }: TaskSpec): DagImportError {
  return invalid(code, message, location)
}

function invalid(code: DagFileErrorCode, message: string, location: string | null): DagImportError {
  const [, file = null, line] = /^(.*):(\d+)$/.exec(location ?? '') ?? []
  return {
    kind: 'invalid',
    code,
    message,
    file,
    line: line === undefined ? null : Number(line),
    column: null,
    stack: null,
  }
}
