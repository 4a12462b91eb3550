import type { JsonOf, JsonValue } from './json.ts'
import { OUTPUT_BRAND } from './symbols.ts'

/** A value that a task will leave: its return value, or one that it keeps under a key. */
export interface OutputRef<out T = unknown> {
  readonly taskId: string
  readonly key: string
  /** Identifies the Dag the task belongs to; the type of the value exists for tsc alone. */
  readonly [OUTPUT_BRAND]: { readonly dag: object; readonly value?: T }
}

/** A placed task. As an argument of another task it stands for this task's return value. */
export interface TaskHandle<out T = unknown> extends OutputRef<T> {
  /** These tasks run after this one, without taking its value. Returns this handle. */
  before(...tasks: readonly TaskHandle[]): TaskHandle<T>
  /** This task runs after these, without taking their values. Returns this handle. */
  after(...tasks: readonly TaskHandle[]): TaskHandle<T>
  /** The value that this task pushes under `key`. */
  output<V>(key: string): OutputRef<V>
}

/** A task's arguments where it is placed: each a literal, or another task's output. */
export type Wiring<Input> = {
  readonly [K in keyof Input]: Input[K] | OutputRef<NonNullable<Input[K]> | Extract<Input[K], null>>
}

type RequiredKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? never : K }[keyof T]

/** The arguments of a factory: none when the handler takes none, one object of named inputs otherwise. */
export type PlacementArguments<Input> = keyof Input extends never
  ? []
  : RequiredKeys<Input> extends never
    ? [inputs?: Wiring<Input>]
    : [inputs: Wiring<Input>]

/** A declared task. Calling it places the task in the Dag and wires its inputs. */
export interface TaskFactory<Input, Output> {
  (...inputs: PlacementArguments<Input>): TaskHandle<JsonOf<Output>>
  /** The same task under another id, to place it a second time. */
  as(taskId: string): TaskFactory<Input, Output>
}

/** Inputs of a shell task: each becomes the environment variable `FAIRLEAD_INPUT_<NAME>`, holding JSON. */
export type ShellInputs = Readonly<Record<string, JsonValue | OutputRef>>

/** A declared shell task. Its value is the last line of its standard output. */
export interface ShellFactory {
  (inputs?: ShellInputs): TaskHandle<string>
  /** The same command under another id, to place it a second time. */
  as(taskId: string): ShellFactory
}

/** True for a reference to a task's output, of any copy of the SDK. */
export function isOutputRef(value: unknown): value is OutputRef {
  return typeof value === 'object' && value !== null && OUTPUT_BRAND in value
}
