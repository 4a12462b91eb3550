import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DoubleClock } from '../double-clock.ts'
import { CONTAINER_MARK, endMarked } from './marked-processes.ts'
import type { Image } from './images.ts'
import { ownEnvironment } from './own-environment.ts'

/** How a container is to run. */
export interface ContainerSpec {
  readonly image: Image
  /** Replaces the image's. */
  readonly entryPoint: readonly string[] | null
  readonly command: readonly string[] | null
  readonly environment: Readonly<Record<string, string>>
  /** Sees each line of standard output and standard error. */
  readonly onLine: (line: string) => void
}

/** How a container ended: its exit code, or why it never began. */
export type ContainerEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'notStarted'; readonly reason: string }

/**
 * A container: the process of its command and all that stems from it. It sees the environment that it was given, never that
 * of the double.
 *
 * Invariants: SIGTERM reaches the first process alone, as where an init process passes it on; when that ends, so does every
 * other one; `ended` resolves once.
 */
export class Container {
  readonly ended: Promise<ContainerEnd>
  /** False when nothing could be started. */
  readonly started: Promise<boolean>
  readonly #mark = randomUUID()
  #child: ChildProcess | null = null
  #endIdle: ((exitCode: number) => void) | null = null
  #onStarted: (isStarted: boolean) => void = () => undefined

  constructor(spec: ContainerSpec, clock: DoubleClock) {
    this.started = new Promise((resolve) => (this.#onStarted = resolve))
    this.ended = spec.image.kind === 'idle' ? this.#idle(spec.image, clock) : this.#run(spec, spec.image)
  }

  /** Process id of the first process, null before it began and for what has none. */
  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** Sends a signal as `docker kill` would. */
  signal(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#endIdle?.(signal === 'SIGTERM' ? 143 : 137)
    if (this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill(signal)
  }

  async #idle({ runMs, exitCode }: Image & { kind: 'idle' }, clock: DoubleClock): Promise<ContainerEnd> {
    this.#onStarted(true)
    return await new Promise((resolve) => {
      const cancel = clock.after(runMs, () => resolve({ kind: 'exited', exitCode }))
      this.#endIdle = (code) => {
        cancel()
        resolve({ kind: 'exited', exitCode: code })
      }
    })
  }

  async #run(spec: ContainerSpec, image: Image & { kind: 'program' }): Promise<ContainerEnd> {
    const argv = [
      ...(spec.entryPoint ?? image.entryPoint ?? []),
      // As in Docker: another entry point drops the image's own command.
      ...(spec.command ?? (spec.entryPoint === null ? (image.command ?? []) : [])),
    ]
    const [file, ...args] = argv
    if (file === undefined) return this.#notStarted('no command specified')
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-container-'))
    const environment = { ...ownEnvironment(folder), HOME: folder, ...image.environment, ...spec.environment }
    try {
      return await this.#process(file, args, { folder, environment, onLine: spec.onLine })
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  }

  async #process(
    file: string,
    args: readonly string[],
    { folder, environment, onLine }: ProcessParts,
  ): Promise<ContainerEnd> {
    return await new Promise((resolve) => {
      const child = spawn(file, args, {
        cwd: folder,
        detached: true,
        env: { ...environment, [CONTAINER_MARK]: this.#mark },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      this.#child = child
      for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
      child.once('spawn', () => this.#onStarted(true))
      child.once('error', (error) => resolve(this.#notStarted(error.message)))
      child.once('exit', () => endMarked(this.#mark, child.pid ?? null))
      child.once('close', (code, signal) => resolve({ kind: 'exited', exitCode: exitCodeOf(code, signal) }))
    })
  }

  #notStarted(why: string): ContainerEnd {
    this.#onStarted(false)
    return { kind: 'notStarted', reason: `CannotStartContainerError: ${why}` }
  }
}

interface ProcessParts extends Pick<ContainerSpec, 'environment' | 'onLine'> {
  readonly folder: string
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11 }

function exitCodeOf(code: number | null, signal: string | null): number {
  return code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 15)
}
