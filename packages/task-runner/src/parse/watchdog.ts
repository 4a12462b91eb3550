import { writeSync } from 'node:fs'
import { Session, type Debugger } from 'node:inspector'
import { Worker, parentPort } from 'node:worker_threads'
import { sourcePosition, type SourcePosition } from '../source-positions.ts'
import { shownPath } from './author-position.ts'
import { WATCHDOG_FD, type ParseError, type ParseRequest } from './messages.ts'

/**
 * A thread that watches the main thread import a Dag file. When the main thread is stuck, nothing on it can say where;
 * this one pauses it through the inspector, reads the author's line and reports on its own descriptor.
 */
export interface Watchdog {
  /** Starts the clock for one file. */
  watch(request: ParseRequest): void
  /** The file has been read. */
  rest(): void
}

// The main thread's own timer goes first: where it still runs, it knows better.
const GRACE_MS = 100
const PAUSE_MS = 500
const LAST_WORDS_MS = 3_000

/** Starts the watchdog thread; `script` is the file whose `runWatchdog` it calls. */
export function startWatchdog(script: string): Watchdog {
  const worker = new Worker(script, { stdout: true, stderr: true, execArgv: [], env: {} })
  worker.unref()
  // Without its watchdog a child still parses; the processor ends it after the timeout, and names no line.
  worker.on('error', () => {})
  return {
    watch: (request) => worker.postMessage(request),
    rest: () => worker.postMessage(null),
  }
}

/** The thread's own side. */
export function runWatchdog(): void {
  let timer: NodeJS.Timeout | undefined
  parentPort?.on('message', (request: ParseRequest | null) => {
    clearTimeout(timer)
    if (request !== null) timer = setTimeout(() => void report(request), request.timeoutMs + GRACE_MS)
  })
}

async function report(request: ParseRequest): Promise<void> {
  const frame = await pauseMainThread()
  const place =
    frame === null
      ? { file: request.file, line: null, column: null }
      : { ...frame, file: shownPath(frame.file, request.dagsFolder) }
  const error: ParseError = {
    kind: 'timeout',
    code: 'DAG_IMPORT_TIMEOUT',
    message:
      `The file did not finish importing within ${request.timeoutMs} ms; it was still running its own code. ` +
      'Move long work into a task.',
    ...place,
    stack: null,
  }
  const end = (): void => void process.kill(process.pid, 'SIGKILL')
  try {
    writeSync(WATCHDOG_FD, `${JSON.stringify({ kind: 'failed', id: request.id, error, isFinal: true })}\n`)
    setTimeout(end, LAST_WORDS_MS)
  } catch {
    end() // The parent is gone, and nobody else can end a main thread that is stuck.
  }
}

function pauseMainThread(): Promise<SourcePosition | null> {
  return new Promise((resolve) => {
    const session = new Session()
    const urls = new Map<string, string>()
    session.connectToMainThread()
    // On Node 20 the frames of scripts that ran before `enable` name no URL of their own.
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
    session.on('Debugger.paused', ({ params }) => resolve(authorFrame(params.callFrames, urls)))
    session.post('Debugger.enable')
    session.post('Debugger.pause')
    setTimeout(() => resolve(null), PAUSE_MS)
  })
}

function authorFrame(frames: readonly Debugger.CallFrame[], urls: ReadonlyMap<string, string>): SourcePosition | null {
  for (const { location } of frames) {
    const url = urls.get(location.scriptId) ?? ''
    const position = sourcePosition(url, location.lineNumber + 1, (location.columnNumber ?? 0) + 1)
    if (position !== null && !position.file.includes('/node_modules/')) return position
  }
  return null
}
