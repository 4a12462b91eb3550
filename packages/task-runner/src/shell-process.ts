import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { PROCESS_MARK } from './process-group.ts'
import { processEnd, type ProcessEnd, type SupervisedProcess } from './supervised-process.ts'

/**
 * A shell command that waits for a line on descriptor 3 before it begins, so that its pid is known and recorded first.
 * When the host dies before that, the descriptor closes and the command never begins.
 */
export class ShellProcess implements SupervisedProcess {
  readonly pid: number
  readonly mark: string = randomUUID()
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<ProcessEnd>
  readonly #gate: Writable

  constructor(options: ShellProcessOptions) {
    const child = spawn('/bin/sh', ['-c', GATED, 'fairlead-task', options.command], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...options.environment, [PROCESS_MARK]: this.mark },
      ...(options.cwd === null ? {} : { cwd: options.cwd }),
    })
    const gate = child.stdio[3]
    child.on('error', () => undefined)
    if (child.pid === undefined || child.stdout === null || child.stderr === null || !gate || !('write' in gate)) {
      throw new Error(
        `the shell could not be started in ${options.cwd ?? 'the working directory'}: does the folder exist?`,
      )
    }
    this.pid = child.pid
    this.stdout = child.stdout
    this.stderr = child.stderr
    this.#gate = gate
    // The command may end before it reads.
    gate.on('error', () => undefined)
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(processEnd(code, signal))))
  }

  /** Lets the command begin, with these added to its environment. Values are JSON, so they have no line breaks. */
  release(environment: Readonly<Record<string, string>>): void {
    const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)};`)
    this.#gate.end(`${exports.join('')}:\n`)
  }

  /** Closes the gate: the command will not begin. */
  close(): void {
    this.#gate.end()
  }
}

/** See {@link ShellProcess}. */
export interface ShellProcessOptions {
  readonly command: string
  readonly cwd: string | null
  readonly environment: NodeJS.ProcessEnv
}

/** One line comes through the gate: assignments, or just a colon. No line means that the host is gone. */
const GATED =
  'IFS= read -r fairlead_gate <&3 || exit 125; exec 3<&-; eval "$fairlead_gate"; unset fairlead_gate; exec /bin/sh -c "$1"'

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`
}
