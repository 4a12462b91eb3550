import type { DagSpec } from '@fairlead/protocol'
import { scheduleError } from '../model/timetable.ts'
import type { DagFileErrorCode, DagImportError } from './dag-import-error.ts'

/** What a Dag may ask of this installation. */
export interface DagRequirements {
  /** Names of the configured executors; the first is the default. */
  readonly executors: readonly string[]
}

/** Why a Dag cannot run in this installation, or null when it can. */
export function validateDag(dag: DagSpec, { executors }: DagRequirements): DagImportError | null {
  const schedule = scheduleError(dag.schedule)
  if (schedule !== null) {
    return invalid('DAG_SCHEDULE_INVALID', `Dag "${dag.dagId}" has no valid schedule. ${schedule}`, dag.location)
  }
  if (dag.startDate !== null && dag.endDate !== null && dag.endDate < dag.startDate) {
    const message = `Dag "${dag.dagId}" ends before it starts. Give it an endDate that is not before its startDate.`
    return invalid('DAG_DATES_INVALID', message, dag.location)
  }
  if (dag.executor !== null && !executors.includes(dag.executor)) {
    return unknownExecutor(dag.executor, `Dag "${dag.dagId}"`, executors, dag.location)
  }
  for (const { taskId, executor, location } of dag.tasks) {
    if (executor === null || executors.includes(executor)) continue
    return unknownExecutor(executor, `task "${taskId}" of Dag "${dag.dagId}"`, executors, location)
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
  executors: readonly string[],
  location: string | null,
): DagImportError {
  const configured = executors.map((executor) => `"${executor}"`).join(', ')
  const message =
    `No executor named "${name}" is configured; configured are ${configured}. ` +
    `Add it under \`executors\`, or remove it from ${who}.`
  return invalid('EXECUTOR_NOT_FOUND', message, location)
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
