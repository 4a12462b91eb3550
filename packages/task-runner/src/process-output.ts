import type { Readable } from 'node:stream'
import type { LogWriter } from './log-writer.ts'
import type { SupervisedProcess } from './supervised-process.ts'

/** The output of one process on its way to the log, and the parts of it that are looked at. */
export interface ProcessOutput {
  /** Resolves when both pipes have ended; pipes held open in silence by somebody else are let go. */
  end(silenceMs: number): Promise<void>
  stderrTail(): string
  /** The last line of standard output that is not empty, or null. */
  lastLine(): string | null
}

/** Copies a process's pipes to its log. */
export function followOutput(
  process: Pick<SupervisedProcess, 'stdout' | 'stderr'>,
  log: LogWriter,
  mayHoldRecords: boolean,
): ProcessOutput {
  let tail = ''
  let lastLine: string | null = null
  let lastDataAt = performance.now()
  for (const pipe of [process.stdout, process.stderr]) pipe.on('data', () => (lastDataAt = performance.now()))
  const ended = Promise.all([
    log.follow(process.stdout, { level: 'info', logger: 'task.stdout', mayHoldRecords }, (line) => {
      if (line !== '') lastLine = line
    }),
    log.follow(process.stderr, { level: 'error', logger: 'task.stderr', mayHoldRecords: false }, (line) => {
      tail = `${tail}${log.mask.hide(line)}\n`.slice(-TAIL_LENGTH)
    }),
  ])
  const isSilent = (silenceMs: number): boolean => {
    const isPaused = process.stdout.isPaused() || process.stderr.isPaused()
    return !isPaused && performance.now() - lastDataAt > silenceMs
  }
  return {
    stderrTail: () => tail,
    lastLine: () => lastLine,
    async end(silenceMs) {
      const watch = setInterval(
        () => {
          // Timers come before pipes: after a stall of this process, what is in them has to be read first.
          if (isSilent(silenceMs)) setImmediate(() => isSilent(silenceMs) && letGo(process.stdout, process.stderr))
        },
        Math.max(10, silenceMs / 10),
      )
      await ended
      clearInterval(watch)
    },
  }
}

const TAIL_LENGTH = 8 * 1024

function letGo(...pipes: readonly Readable[]): void {
  for (const pipe of pipes) pipe.destroy()
}
