/**
 * Augment this once, in `fairlead.config.ts`, to have `executor` and `executorConfig` checked at the call site:
 * `declare module 'fairlead' { interface Register { executors: ExecutorsOf<typeof config> } }`. The value of each name is
 * what a task on it may give as `executorConfig`; unregistered, names are `string` and configurations `unknown`.
 */
// oxlint-disable-next-line no-empty-interface, no-empty-object-type -- filled by the user's declaration
export interface Register {}

type Registered = Register extends { executors: infer Executors } ? Executors : Record<string, unknown>

/** Name of an executor: a registered one, or any string while none is registered. */
export type ExecutorName = Extract<keyof Registered, string>

/** Several executors, to try in turn. */
export type ExecutorChain = readonly [ExecutorName, ...ExecutorName[]]

/** An executor, or several to try in turn. */
export type ExecutorNames = ExecutorName | ExecutorChain

/** What a task may ask of its executor. */
export type ExecutorConfig<Name extends ExecutorName = ExecutorName> = Registered[Name]

/** Where a task runs, and what it asks of that executor: of the one it names, or else of whichever it gets. */
export type ExecutorChoice =
  | {
      /** Where the task runs. Default: the Dag's executor, or else the first configured one. */
      readonly executor?: undefined
      /** What the task asks of its executor. */
      readonly executorConfig?: ExecutorConfig
    }
  | {
      /** Where the task runs: the first of these that takes it; see `executorFallback`. */
      readonly executor: ExecutorChain
      /** What the task asks of whichever takes it. */
      readonly executorConfig?: ExecutorConfig
    }
  | {
      [Name in ExecutorName]: {
        readonly executor: Name
        readonly executorConfig?: ExecutorConfig<Name>
      }
    }[ExecutorName]

/**
 * The executors of a configuration, for {@link Register}: their names, and what their classes take. A class whose
 * `executorConfigSchema` is null takes nothing; of an executor that `Classes` leaves out nothing is known.
 */
export type ExecutorsOf<
  Config extends { readonly executors?: unknown },
  Classes extends { readonly [Name in keyof NonNullable<Config['executors']>]?: unknown } = Record<never, never>,
> = {
  readonly [Name in keyof NonNullable<Config['executors']>]: Name extends keyof Classes
    ? ConfigOfClass<Classes[Name]>
    : unknown
}

type ConfigOfClass<Class> = Class extends { readonly executorConfigSchema: infer Schema }
  ? [Schema] extends [null]
    ? undefined
    : Exclude<Schema, null> extends { readonly '~standard': { readonly types?: infer Types } }
      ? Exclude<Types, undefined> extends { readonly input: infer Input }
        ? Input
        : unknown
      : unknown
  : unknown
