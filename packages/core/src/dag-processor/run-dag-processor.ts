import { setTimeout as sleep } from 'node:timers/promises'
import { DagProcessor, type DagPass, type DagProcessorOptions } from './dag-processor.ts'
import { watchDagsFolder, type DagsFolderWatch } from './watch-dags-folder.ts'

/** How the Dags folder is kept up with. */
export interface DagProcessorLoopOptions extends DagProcessorOptions {
  /** How often the folder is read in full, in case a change was not noticed. */
  readonly refreshIntervalMs: number
  /** Whether changes are picked up when they happen. */
  readonly watch: boolean
  /** Told of each pass; the first tells that every file present at the start has been read. */
  readonly onPass?: (pass: DagPass) => void
}

// An editor saves in several steps; this is long enough for them and too short to notice.
const DEBOUNCE_MS = 40

/** Reads the Dags folder until the signal aborts: at once, after each change, and now and then. Never rejects. */
export async function runDagProcessor(options: DagProcessorLoopOptions, signal: AbortSignal): Promise<void> {
  const processor = new DagProcessor(options)
  const wake = new WakeUp()
  const stop = (): void => {
    wake.call()
    void processor.close()
  }
  let watch: DagsFolderWatch | null = null
  let retryFailed = false
  signal.addEventListener('abort', stop, { once: true })
  try {
    while (!signal.aborted) {
      const pass = await passOf(processor, options, retryFailed, signal)
      if (pass !== null) options.onPass?.(pass)
      if (options.watch && !signal.aborted) {
        // What changed before the watch was in place is found by one more pass.
        if (watch === null) wake.call()
        watch ??= await watchDagsFolder(options.dagsFolder, () => wake.call())
        watch.alsoWatch(processor.outsideInputs())
      }
      retryFailed = (await wake.next(options.refreshIntervalMs, signal)) === 'interval'
      if (!signal.aborted) await sleep(DEBOUNCE_MS)
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await watch?.close()
    await processor.close()
  }
}

async function passOf(
  processor: DagProcessor,
  { log }: DagProcessorOptions,
  retryFailed: boolean,
  signal: AbortSignal,
): Promise<DagPass | null> {
  try {
    return await processor.refresh({ retryFailed })
  } catch (error) {
    // Mostly the sink's: the database is busy or gone. What was not reported is reported by the next pass.
    if (!signal.aborted) log.warn('dags folder could not be read', { error: String(error) })
    return null
  }
}

/** Remembers a call that comes while nobody waits. */
class WakeUp {
  #isCalled = false
  #resolve: (() => void) | null = null

  call(): void {
    this.#isCalled = true
    this.#resolve?.()
  }

  /** Waits for a call, the interval or the signal, and answers whether it was the interval. */
  async next(intervalMs: number, signal: AbortSignal): Promise<'called' | 'interval'> {
    if (!this.#isCalled && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs)
        this.#resolve = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const answer = this.#isCalled ? 'called' : 'interval'
    this.#isCalled = false
    this.#resolve = null
    return answer
  }
}
