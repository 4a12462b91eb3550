import type { TaskProgram } from '@fairlead/protocol'
import { AuthorError } from './errors.ts'
import { isOutputRef, type OutputRef } from './handles.ts'
import { jsonProblem, type JsonValue } from './json.ts'
import type { Handler, Literals, TaskOptions } from './options.ts'
import { OUTPUT_BRAND } from './symbols.ts'

/** A task in a Dag: what runs, what it takes and what it waits for. */
export interface PlacedTask {
  readonly taskId: string
  readonly program: TaskProgram
  readonly handler: Handler<never, unknown> | null
  readonly options: TaskOptions
  readonly literals: Literals
  readonly inputs: readonly { readonly name: string; readonly taskId: string; readonly key: string }[]
  /** Every upstream task id, in the order the author named them. */
  readonly upstream: Set<string>
  readonly location: string | null
}

/** A task's arguments, parted into the values that are known and the outputs that it waits for. */
export interface WiredInputs {
  readonly literals: Literals
  readonly inputs: PlacedTask['inputs']
}

/** The placing of a task: in which Dag, under which id, from which line. */
export interface Placing {
  readonly dag: { readonly dagId: string }
  readonly taskId: string
  readonly location: string | null
}

/** Parts a call's arguments; refuses what JSON cannot hold and what belongs to another Dag. */
export function wireInputs(placing: Placing, call: unknown): WiredInputs {
  const literals: Record<string, JsonValue> = {}
  const inputs: { name: string; taskId: string; key: string }[] = []
  for (const [name, value] of Object.entries(argumentsOf(placing, call))) {
    if (value === undefined) continue
    if (isOutputRef(value)) {
      checkSameDag(placing, value)
      inputs.push({ name, taskId: value.taskId, key: value.key })
    } else {
      literals[name] = checkLiteral(placing, name, value)
    }
  }
  return { literals, inputs }
}

function argumentsOf({ dag, taskId, location }: Placing, call: unknown): object {
  if (call === undefined) return {}
  if (typeof call === 'object' && call !== null && !Array.isArray(call) && !isOutputRef(call)) return call
  const message =
    `Task "${taskId}" of Dag "${dag.dagId}" was not given an object of named arguments. ` +
    'Call it as task({ name: value }).'
  throw new AuthorError('INPUT_UNSERIALISABLE', message, location)
}

/** Refuses a handle of another Dag. */
export function checkSameDag({ dag, taskId, location }: Placing, reference: OutputRef): void {
  if (reference[OUTPUT_BRAND].dag === dag) return
  const message =
    `Task "${taskId}" of Dag "${dag.dagId}" cannot depend on task "${reference.taskId}" of another Dag. ` +
    'Place both in one Dag.'
  throw new AuthorError('TASK_OF_OTHER_DAG', message, location)
}

function checkLiteral({ dag, taskId, location }: Placing, name: string, value: unknown): JsonValue {
  const problem = nestedReference(value) ?? jsonProblem(value, `"${name}"`)
  if (problem === null) return value as JsonValue
  const message = `Argument "${name}" of task "${taskId}" in Dag "${dag.dagId}" cannot travel as JSON: ${problem}.`
  throw new AuthorError('INPUT_UNSERIALISABLE', message, location)
}

function nestedReference(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null
  const nested = Object.values(value).find(isOutputRef)
  if (nested === undefined) return null
  return `it holds the output of task "${nested.taskId}" inside; pass that output as an argument of its own`
}
