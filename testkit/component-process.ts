import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** Where the repository is; set for code that is bundled elsewhere. */
const ROOT = process.env['FAIRLEAD_REPOSITORY'] ?? process.cwd()
const BIN = join(ROOT, 'packages/fairlead/bin/fairlead.mjs')

/** A command that runs until it is told to stop, as a process of its own: `fairlead scheduler`, `api-server`, …. */
export class ComponentProcess {
  readonly #command: readonly string[]
  readonly #place: { readonly folder: string; readonly env: NodeJS.ProcessEnv }
  readonly #logPath: string
  #child: ChildProcess | null = null

  /** `name` names its log in the folder. */
  constructor(name: string, command: readonly string[], place: { folder: string; env: NodeJS.ProcessEnv }) {
    this.#command = command
    this.#place = place
    this.#logPath = join(place.folder, `${name}.log`)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Everything it has written, over all its starts. */
  get log(): string {
    try {
      return readFileSync(this.#logPath, 'utf8')
    } catch {
      return '' // Nothing has been started yet.
    }
  }

  get hasEnded(): boolean {
    return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The signal that ended it, or null. */
  get endedBy(): NodeJS.Signals | null {
    return this.#child?.signalCode ?? null
  }

  /** Starts it, without waiting. */
  spawn(env: Readonly<Record<string, string>> = {}): void {
    const log = openSync(this.#logPath, 'a')
    this.#child = spawn(process.execPath, [BIN, ...this.#command], {
      cwd: this.#place.folder,
      env: { ...this.#place.env, ...env },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
  }

  /** Starts it; resolves when it has announced itself, with what it wrote since. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<string> {
    const before = this.log.length
    this.spawn(env)
    await eventually(
      () => {
        const said = this.log.slice(before)
        if (this.hasEnded) throw new Error(`${this.#command.join(' ')} ended.\n${said}`)
        return said.includes('Fairlead ')
      },
      { timeoutMs: 30_000 },
    )
    return this.log.slice(before)
  }

  /** Signals it, and waits for its end; answers its exit code or the signal's name. */
  async kill(signal: NodeJS.Signals): Promise<number | string | null> {
    this.#child?.kill(signal)
    return this.ended
  }

  /** Signals it and goes on. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Resolves with the exit code or the signal's name when it has ended. */
  get ended(): Promise<number | string | null> {
    const child = this.#child
    if (child === null) return Promise.resolve(null)
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode)
    return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
  }
}
