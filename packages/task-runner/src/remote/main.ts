import { realpathSync, write } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { exitCodeOf, type RemoteEnd } from './remote-end.ts'
import { runReference } from './run-reference.ts'
import { parseWorkerEnvironment } from './worker-environment.ts'

/**
 * `fairlead-worker`: runs the one workload that its environment refers to, and says by its exit code how it ended. The log
 * goes to the server and to standard output.
 */

process.title = 'fairlead-worker'
const stopping = new AbortController()
process.on('SIGTERM', () => stopping.abort())
process.on('SIGINT', () => stopping.abort())

void run().then(async (end) => {
  await say(end)
  process.exit(exitCodeOf(end))
})

async function run(): Promise<RemoteEnd> {
  const parsed = parseWorkerEnvironment(process.env)
  if (parsed.kind === 'invalid') return { kind: 'neverStarted', detail: parsed.detail }
  // Beside this file, also when it was started by a link to it.
  const childPath = join(dirname(realpathSync(process.argv[1] ?? '')), 'child.cjs')
  return runReference({ ...parsed.options, childPath, signal: stopping.signal, output: writeOut })
}

const STANDARD_OUTPUT = 1
const writeTo = promisify(write)

/** Not by `process.stdout`, which holds up this process when its reader does: heartbeats must go on. */
async function writeOut(bytes: Buffer): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += (await writeTo(STANDARD_OUTPUT, bytes, sent, bytes.length - sent, null)).bytesWritten
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return // Nobody reads it any more.
      await sleep(10)
    }
  }
}

async function say(end: RemoteEnd): Promise<void> {
  const level = end.kind === 'ended' ? 'info' : 'error'
  const record = { timestamp: new Date().toISOString(), level, event: EVENTS[end.kind], logger: 'worker', ...end }
  await Promise.race([writeOut(Buffer.from(`${JSON.stringify(record)}\n`)), sleep(LAST_WORD_MS)])
}

const LAST_WORD_MS = 1_000
const EVENTS: Record<RemoteEnd['kind'], string> = {
  ended: 'worker ends',
  neverStarted: 'the task was not started',
  unreachable: 'the task was not started: the API could not be reached',
}
