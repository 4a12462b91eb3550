import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CONTAINER_MARK, endMarked } from '../containers/marked-processes.ts'
import { ownEnvironment } from '../containers/own-environment.ts'
import type { DoubleClock } from '../double-clock.ts'
import type { LambdaFunction } from './stage.ts'

/** How an invocation ended. */
export type InvocationEnd =
  | { readonly kind: 'answered'; readonly payload: string }
  | {
      readonly kind: 'failed'
      readonly errorType: string
      readonly errorMessage: string
      readonly trace: readonly string[]
    }
  /** The process took too long, or ended. */
  | { readonly kind: 'died'; readonly errorType: string; readonly errorMessage: string }

/** One event on its way into a function. */
export interface Invocation {
  readonly id: string
  readonly event: unknown
}

/** What an environment is made for. */
export interface EnvironmentParts {
  readonly definition: LambdaFunction
  readonly variables: Readonly<Record<string, string>>
  readonly clock: DoubleClock
  readonly onLine: (line: string) => void
}

const MAIN = fileURLToPath(new URL('./function-main.mjs', import.meta.url))
const DEFAULT_TIMEOUT_MS = 3_000

/**
 * An execution environment of Lambda: a process that serves one event at a time, and stands still in between.
 *
 * Invariants: it is killed at the timeout with all that stems from it; between events nothing in it goes on; it serves
 * nothing after its process ended.
 */
export class ExecutionEnvironment {
  /** True while an event is served. */
  isBusy = false
  /** True once its process ended, or is about to: it serves nothing more. */
  isDead = false
  readonly #parts: EnvironmentParts
  readonly #mark = randomUUID()
  readonly #folder = mkdtempSync(join(tmpdir(), 'fairlead-function-'))
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #settle: (end: InvocationEnd) => void = () => undefined

  constructor(parts: EnvironmentParts) {
    this.#parts = parts
    const { definition, variables } = parts
    const args = [...(definition.execArgv ?? []), MAIN, definition.handlerPath, definition.handlerExport ?? 'handler']
    this.#child = spawn(process.execPath, args, {
      cwd: this.#folder,
      detached: true,
      env: { ...ownEnvironment(this.#folder), ...variables, [CONTAINER_MARK]: this.#mark },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', parts.onLine)
    }
    this.#child.on('message', (message) => this.#onMessage(message as InvocationEnd))
    this.#ended = new Promise((resolve) =>
      this.#child.once('exit', (code, signal) => resolve(this.#onExit(code, signal))),
    )
  }

  get pid(): number | null {
    return this.#child.pid ?? null
  }

  /** Serves one event. Never throws: whatever happens to the process is an end. */
  async serve({ id, event }: Invocation): Promise<InvocationEnd> {
    this.isBusy = true
    const { definition, clock } = this.#parts
    const timeoutMs = definition.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const cancel = clock.after(timeoutMs, () => {
      this.#settle(died('Sandbox.Timedout', id, `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`))
      this.kill()
    })
    try {
      return await new Promise<InvocationEnd>((resolve) => {
        this.#settle = resolve
        if (this.isDead) return resolve(died('Runtime.ExitError', id, 'Runtime exited without providing a reason'))
        this.#signal('SIGCONT')
        this.#onDeath = (how) => resolve(died('Runtime.ExitError', id, how))
        const { name: functionName, arn: functionArn } = definition
        const message = { id, event, deadline: Date.now() + timeoutMs, functionName, functionArn }
        this.#child.send(message, (error) => {
          if (error !== null) resolve(died('Runtime.ExitError', id, 'Runtime exited without providing a reason'))
        })
      })
    } finally {
      cancel()
      this.isBusy = false
      this.#signal('SIGSTOP')
    }
  }

  /** Ends the process at once, as a crash would. */
  kill(): void {
    this.#signal('SIGKILL')
    this.isDead = true
  }

  async close(): Promise<void> {
    this.kill()
    await this.#ended
  }

  #onDeath: (how: string) => void = () => undefined

  #onMessage(message: InvocationEnd): void {
    this.#settle(message)
  }

  #onExit(code: number | null, signal: string | null): void {
    this.isDead = true
    endMarked(this.#mark, this.pid)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
    const how =
      signal === null
        ? code === 0
          ? 'Runtime exited without providing a reason'
          : `Runtime exited with error: exit status ${code ?? 1}`
        : `Runtime exited with error: signal: ${signal === 'SIGKILL' ? 'killed' : signal}`
    this.#onDeath(how)
  }

  #signal(signal: 'SIGCONT' | 'SIGSTOP' | 'SIGKILL'): void {
    if (this.pid === null || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // It ended this very moment.
    }
  }
}

function died(errorType: string, id: string, how: string): InvocationEnd {
  return { kind: 'died', errorType, errorMessage: `RequestId: ${id} Error: ${how}` }
}
