import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { eventually } from './eventually.ts'

/** What a command left behind. */
export interface Finished {
  readonly exitCode: number | null
  readonly output: string
}

/** A reader who follows a page: an empty folder beside an installed Fairlead, and terminals in it. */
export interface Reader {
  writes(file: string, text: string): void
  /** Types a script; resolves when it ended. */
  runs(script: string): Promise<Finished>
  /** Types a command that stays; resolves when the server is up. */
  starts(script: string): Promise<void>
  /** Presses Ctrl-C in the terminals of what stays, and removes the folder. */
  leaves(): Promise<void>
}

/** A script in a terminal of its own. */
interface Terminal {
  /** Presses Ctrl-C. */
  readonly interrupt: () => void
  readonly finished: Promise<Finished>
  /** What was printed so far. */
  readonly printed: () => string
}

/**
 * Opens the folder. What is in `installed`'s node_modules is what the reader has installed; `environment` is what the
 * reader has exported.
 */
export function createReader(installed: string, environment: Readonly<Record<string, string>> = {}): Reader {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-docs-'))
  const staying: Terminal[] = []
  symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'))
  return {
    writes: (file, text) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    },
    runs: (script) => type(folder, script, environment).finished,
    starts: async (script) => {
      const terminal = type(folder, script, environment)
      staying.push(terminal)
      const early = terminal.finished.then(({ output }) => Promise.reject(new Error(`It ended: ${output}`)))
      const isUp = eventually(() => isServing(folder, terminal), { timeoutMs: 60_000 })
      await Promise.race([isUp, early])
      // The early end is only news while we wait for the start.
      early.catch(() => undefined)
    },
    leaves: async () => {
      for (const terminal of staying) terminal.interrupt()
      await Promise.all(staying.map((terminal) => terminal.finished))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** It has said that it runs, and a server with an API has left its address by then. */
function isServing(folder: string, { printed }: Terminal): boolean {
  if (/^Fairlead /m.test(printed()) && existsSync(join(folder, '.fairlead/server.json'))) return true
  throw new Error(`the server is not up, and printed: ${printed()}`)
}

function type(folder: string, script: string, environment: Readonly<Record<string, string>>): Terminal {
  // A terminal's foreground job is a process group of its own. npx must find the installed command, never look for one.
  // Whatever else listens on this machine must not be in the way.
  const env = { ...process.env, npm_config_offline: 'true', FAIRLEAD__API__PORT: '0', NO_COLOR: '1', ...environment }
  const bash = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env, detached: true, stdio: 'pipe' })
  const chunks: Buffer[] = []
  const printed = (): string => Buffer.concat(chunks).toString()
  bash.stdin.end()
  for (const stream of [bash.stdout, bash.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const finished = new Promise<Finished>((resolve, reject) => {
    bash.on('error', reject)
    bash.on('close', (exitCode) => resolve({ exitCode, output: printed() }))
  })
  return {
    finished,
    printed,
    interrupt: () => {
      if (bash.pid !== undefined && bash.exitCode === null) process.kill(-bash.pid, 'SIGINT')
    },
  }
}
