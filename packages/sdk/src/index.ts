export { Dag } from './dag.ts'
export { Bundle } from './bundle.ts'
export { getClient, getContext } from './context.ts'
export type { TaskClient, TaskContext, TaskLog, XComAddress, XComClient } from './context.ts'
export { AUTHOR_ERROR_CODES, AuthorError, FailTask, SkipTask } from './errors.ts'
export type { AuthorErrorCode } from './errors.ts'
export type { Duration } from './duration.ts'
export type { JsonOf, JsonValue } from './json.ts'
export type { OutputRef, ShellFactory, ShellInputs, TaskFactory, TaskHandle, Wiring } from './handles.ts'
export type {
  DagOptions,
  Handler,
  ScheduleOption,
  ShellOptions,
  TaskOptions,
  TriggerRule,
} from './options.ts'
// `export *`, because a named re-export could not be augmented.
export * from './register.ts'
