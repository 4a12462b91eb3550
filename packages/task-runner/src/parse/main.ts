/** The parse child: imports compiled Dag files that its parent names, one at a time, and answers them as data. */
import { isMainThread } from 'node:worker_threads'
import { installSdk } from '../sdk-global.ts'
import { installSourcePositions } from '../source-positions.ts'
import { parseErrorOf } from './parse-error.ts'
import { parseFile } from './parse-file.ts'
import type { ParseReply, ParseRequest } from './messages.ts'
import { runWatchdog, startWatchdog } from './watchdog.ts'

if (isMainThread) runParseChild()
else runWatchdog()

function runParseChild(): void {
  Error.stackTraceLimit = 30
  installSourcePositions()
  installSdk({ cwd: process.cwd() })
  const exit = process.exit.bind(process)
  const watchdog = startWatchdog(process.argv[1] ?? '')
  const send = (reply: ParseReply, sent: () => void = () => {}): void => void process.send?.(reply, sent)
  let current: ParseRequest | null = null

  process.exit = (code) => {
    throw new Error(`process.exit(${code ?? ''}) was called. A Dag file must not end the process that reads it.`)
  }
  process.on('disconnect', () => exit(0))
  const abandon = (error: unknown): void => {
    if (current === null) exit(1)
    else send({ kind: 'failed', id: current.id, error: parseErrorOf(error, current), isFinal: true }, () => exit(1))
  }
  process.on('uncaughtException', abandon)
  process.on('unhandledRejection', abandon)
  process.on('message', (request: ParseRequest) => {
    current = request
    watchdog.watch(request)
    void parseFile(request).then((reply) => {
      watchdog.rest()
      current = null
      send(reply)
    })
  })
  send({ kind: 'ready' })
}
