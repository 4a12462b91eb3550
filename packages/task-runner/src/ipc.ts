import type { RunContext, TaskError, TaskInput } from '@fairlead/protocol'
import type { SentrySettings } from './sentry-settings.ts'

/** Messages between the worker host and a child. The host parses what a child says; a child believes its host. */

/** From the host. `preload` may come before `start`; `start` comes once. */
export type ToChild =
  | { kind: 'preload'; bundlePath: string }
  | { kind: 'start'; task: TaskStart }
  | { kind: 'reply'; id: number; answer: HostReply }

/** From the child. `outcome` is its last word. */
export type FromChild =
  | { kind: 'ready' }
  | { kind: 'preloaded'; problem: string | null }
  | { kind: 'xcomGet'; id: number; address: XComPlace }
  | { kind: 'xcomSet'; id: number; key: string; json: string }
  | { kind: 'xcomDelete'; id: number; address: XComPlace }
  | { kind: 'variableGet'; id: number; key: string }
  | { kind: 'variableSet'; id: number; key: string; value: string; description: string | null }
  | { kind: 'variableDelete'; id: number; key: string }
  | { kind: 'connectionGet'; id: number; connectionId: string }
  | { kind: 'mask'; id: number; secrets: readonly string[] }
  | { kind: 'hide'; id: number; texts: readonly string[] }
  | { kind: 'breadcrumbs'; id: number }
  | { kind: 'outcome'; outcome: TaskOutcome }

/** What the host answers to a request. */
export type HostReply =
  | { kind: 'found'; value: unknown }
  | { kind: 'none' }
  | { kind: 'done' }
  | { kind: 'problem'; message: string }

/** Place of an XCom; what is null is the current task's. */
export interface XComPlace {
  readonly dagId: string | null
  readonly runId: string | null
  readonly taskId: string | null
  readonly mapIndex: number | null
  readonly key: string
}

/** What a task said about itself. `returnJson` is null when it returned nothing. */
export type TaskOutcome =
  | { kind: 'success'; returnJson: string | null }
  | { kind: 'failed'; error: TaskError; isRetryable: boolean }
  | { kind: 'skipped'; detail: string }

/** Everything a child needs to run one task. */
export interface TaskStart {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
  readonly bundlePath: string
  readonly inputs: readonly TaskInput[]
  readonly run: RunContext['dag_run']
  /** W3C trace context for what user code measures, or null. */
  readonly traceparent: string | null
  /** How failures are told to Sentry, and the integration that the executor names; null where they are not. */
  readonly sentry: { readonly settings: SentrySettings; readonly integration: string } | null
}

/** Starts a line of output that is a log record already: the child's console writes these. */
export const LOG_RECORD_MARK = '\u001e'
