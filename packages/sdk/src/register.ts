/**
 * Augment this once to have `executor` and `executorConfig` checked at the call site:
 * `declare module 'fairlead' { interface Register { executors: { ecs: EcsExecutorConfig } } }`.
 */
// oxlint-disable-next-line no-empty-interface, no-empty-object-type -- filled by the user's declaration
export interface Register {}

type Registered = Register extends { executors: infer Executors } ? Executors : Record<string, unknown>

/** Name of an executor: a registered one, or any string while none is registered. */
export type ExecutorName = Extract<keyof Registered, string>

/** What a task may ask of its executor. */
export type ExecutorConfig = Registered[keyof Registered]
