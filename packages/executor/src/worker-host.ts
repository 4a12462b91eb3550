import type { ExecutorHost } from './executor.ts'

/** What `fairlead worker-host` gives an executor class that keeps a process of its own on each machine. */
export interface WorkerHostRun extends Pick<
  ExecutorHost,
  'name' | 'settings' | 'apiUrl' | 'runFolder' | 'logFolder' | 'bundleFolder' | 'workerEnvironment'
> {
  /** To be called when schedulers can attach. */
  onReady(): void
  /** Aborts when it is to end, with all its work. */
  readonly signal: AbortSignal
}

/** How it ended: in order, or at once, since another process keeps the work of this executor here. */
export type WorkerHostEnd = { readonly kind: 'ended' } | { readonly kind: 'taken'; readonly pid: number }
