import type { TaskInstanceRef } from '@fairlead/protocol'
import type { Executor } from './executor.ts'

/** Something that an executor shows of itself: data, and the JSON Schema by which a user interface draws it. */
export type ExecutorView = ExecutorPage | TaskInstanceView

interface ViewFacts {
  /** Part of its address; unique in its class. */
  readonly id: string
  readonly title: string
  /** JSON Schema of the data, with titles and descriptions for people. */
  readonly schema: Readonly<Record<string, unknown>>
}

/** A page about the executor as a whole. */
export interface ExecutorPage extends ViewFacts {
  readonly kind: 'page'
  data(request: ExecutorViewRequest): Promise<unknown>
}

/** A part of the page of a task instance that runs, or ran, on this executor. */
export interface TaskInstanceView extends ViewFacts {
  readonly kind: 'taskInstance'
  data(request: ExecutorViewRequest & { readonly taskInstance: TaskInstanceRef }): Promise<unknown>
}

/** Who asks for a view's data. */
export interface ExecutorViewRequest {
  /** An instance that is never started, made of the configured settings, with the executor's store. */
  readonly executor: Executor
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}
