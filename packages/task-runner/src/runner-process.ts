import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { parseChildMessage } from './child-message.ts'
import type { FromChild, ToChild } from './ipc.ts'
import { PROCESS_MARK } from './process-group.ts'
import { processEnd, type ProcessEnd, type SupervisedProcess } from './supervised-process.ts'

/** Starts a Node process with the runner in it. It does nothing until it is told to, and ends when its host is gone. */
export function startRunnerProcess(options: RunnerProcessOptions): RunnerProcess {
  const mark = randomUUID()
  const certificates = options.extraCaCertificates === null ? [] : [options.extraCaCertificates]
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.childPath, ...certificates], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...options.environment, [PROCESS_MARK]: mark },
    serialization: 'json',
  })
  return new RunnerProcess(child, mark)
}

/** See {@link startRunnerProcess}. */
export interface RunnerProcessOptions {
  readonly childPath: string
  readonly environment: NodeJS.ProcessEnv
  /** Flags of Node itself. */
  readonly nodeOptions?: readonly string[]
  /** Path of certificates that TLS trusts beside Node's own, or null. */
  readonly extraCaCertificates: string | null
}

/** One Node process for one task. */
export class RunnerProcess implements SupervisedProcess {
  readonly pid: number
  readonly mark: string
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<ProcessEnd>
  /** Resolves when the child can say nothing more. */
  readonly channelEnd: Promise<void>
  /** Path of the bundle it was told to load, or null. */
  preloadedBundle: string | null = null
  onMessage: (message: FromChild) => void = () => undefined
  readonly #child: ChildProcess

  constructor(child: ChildProcess, mark: string) {
    if (child.pid === undefined || child.stdout === null || child.stderr === null) {
      // Node reports a failed spawn by an event in the next turn; it is the constructor's caller that must know.
      child.on('error', () => undefined)
      throw new Error('the operating system refused to start a process (out of processes, memory or file descriptors)')
    }
    this.#child = child
    this.mark = mark
    this.pid = child.pid
    this.stdout = child.stdout
    this.stderr = child.stderr
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(processEnd(code, signal))))
    this.channelEnd = new Promise((resolve) => child.once('disconnect', resolve))
    child.on('message', (message) => {
      const parsed = parseChildMessage(message)
      if (parsed !== null) this.onMessage(parsed)
    })
    // A send to a child that is ending fails; its exit says all there is to say.
    child.on('error', () => undefined)
  }

  send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  /** Loads a bundle ahead of the task. */
  preload(bundlePath: string): void {
    this.preloadedBundle = bundlePath
    this.send({ kind: 'preload', bundlePath })
  }
}
