/** How a task learns that it must end. */
export interface TaskAbort {
  /** The signal for user code. Whoever reads it is given the grace period to finish. */
  readonly signal: AbortSignal
}

/**
 * Turns SIGTERM into an aborted signal. A task that never asked for the signal cannot react to it, so it ends at once,
 * as a process without a handler would.
 */
export function createAbort(child: NodeJS.Process): TaskAbort {
  const controller = new AbortController()
  let isWatched = false
  const onTerm = (): void => {
    const ownHandlers = child.listenerCount('SIGTERM') - 1
    controller.abort(new Error('The task was told to end.'))
    if (isWatched || ownHandlers > 0) return
    child.off('SIGTERM', onTerm)
    child.kill(child.pid, 'SIGTERM')
  }
  child.on('SIGTERM', onTerm)
  return {
    get signal() {
      isWatched = true
      return controller.signal
    },
  }
}
