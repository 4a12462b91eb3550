import { CommanderError } from 'commander'
import { CliError, EXIT_CODES } from './cli-error.ts'
import { addExecutorCommands } from './executor-commands.ts'
import { buildProgram } from './program.ts'
import type { Terminal } from './terminal.ts'

/** Entry of the `fairlead` command: the composition root. Only here are the process and its environment touched. */

const LINGER_MS = 1_000
const stopping = new AbortController()
const readers = { areNeeded: true }

const terminal: Terminal = {
  env: process.env,
  cwd: process.cwd(),
  isInteractive: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 100,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: stopping.signal,
  doWithoutReaders: () => void (readers.areNeeded = false),
}

// A reader that closed its end, such as `head`, has all that it wanted.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (readers.areNeeded) process.exit(error.code === 'EPIPE' ? EXIT_CODES.ok : EXIT_CODES.failure)
  })
}
// A terminal's Ctrl-C reaches npx and us, and npx passes it on: within a moment it is the same one.
const SAME_SIGNAL_MS = 1_000
const first = { at: 0 }
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted && performance.now() - first.at > SAME_SIGNAL_MS) process.exit(EXIT_CODES.failure)
    if (stopping.signal.aborted) return
    first.at = performance.now()
    stopping.abort(new Error(`Stopped by ${signal}.`))
  })
}

process.exitCode = await run()
// An executor of somebody else's may have left a connection open; it must not keep a command from ending.
setTimeout(() => process.exit(), LINGER_MS).unref()

async function run(): Promise<number> {
  const outcome = { exitCode: 0 }
  try {
    const program = buildProgram(terminal, outcome)
    await addExecutorCommands({ program, terminal, typed: process.argv.slice(2), outcome })
    await program.parseAsync(process.argv)
    return outcome.exitCode
  } catch (error) {
    return explain(error)
  }
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage
  if (isInterruption(error)) return EXIT_CODES.failure
  const { message, code, stack } = readable(error)
  terminal.err(`${message}\n`)
  if (error instanceof CliError) return error.exitCode
  // An error without a code of ours is a fault of ours: its place helps.
  if (code === null) terminal.err(`${stack}\n`)
  return code === 'DATABASE_IN_USE' ? EXIT_CODES.inUse : EXIT_CODES.failure
}

/** Ctrl-C ends whatever waits; nobody needs to be told. */
function isInterruption(error: unknown): boolean {
  if (!stopping.signal.aborted) return false
  return error === stopping.signal.reason || (error instanceof Error && error.name === 'AbortError')
}

function readable(error: unknown): { message: string; code: string | null; stack: string } {
  if (!(error instanceof Error)) return { message: String(error), code: null, stack: '' }
  return { message: error.message, code: 'code' in error ? String(error.code) : null, stack: error.stack ?? '' }
}
