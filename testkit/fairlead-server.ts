import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** Where the repository is; set for code that is bundled elsewhere. */
const ROOT = process.env['FAIRLEAD_REPOSITORY'] ?? process.cwd()
const BIN = join(ROOT, 'packages/fairlead/bin/fairlead.mjs')

/** A row of `tasks states-for-dag-run`, as far as tests read it. */
export interface TaskInstanceRow {
  readonly task_id: string
  readonly state: string
  readonly try_number: number
}

/** A real server in a folder of its own, for tests that use it as a user would and kill it. */
export class FairleadServer {
  readonly folder: string
  /** Every process that comes of this server carries it in its environment. */
  readonly marker: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | null = null

  /** `dags` maps file names to sources. */
  constructor(dags: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'fairlead-server-'))
    this.marker = `server-${process.pid}-${Math.random().toString(36).slice(2)}`
    this.#env = {
      ...process.env,
      FAIRLEAD_HOME: join(this.folder, '.fairlead'),
      FAIRLEAD__CORE__DAGS_FOLDER: join(this.folder, 'dags'),
      FAIRLEAD__API__PORT: '0',
      FAIRLEAD_TEST_MARKER: this.marker,
      ...env,
    }
    mkdirSync(join(this.folder, 'dags'))
    for (const [name, source] of Object.entries(dags)) this.write(name, source)
  }

  /** Writes a Dag file. */
  write(name: string, source: string): void {
    writeFileSync(join(this.folder, 'dags', name), source)
  }

  get home(): string {
    return join(this.folder, '.fairlead')
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts the server; resolves when it has announced itself. `env` holds for this start alone. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const log = openSync(join(this.folder, 'server.log'), 'a')
    const child = spawn(process.execPath, [BIN, 'standalone'], {
      env: { ...this.#env, ...env },
      cwd: this.folder,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#child = child
    const before = this.log.length
    await eventually(
      () => {
        if (child.exitCode !== null)
          throw new Error(`The server ended with ${child.exitCode}.\n${this.log.slice(before)}`)
        return /https?:\/\//.test(this.log.slice(before)) || child.signalCode !== null
      },
      { timeoutMs: 30_000 },
    )
  }

  /** Resolves with the exit code or the signal's name when the server has ended. */
  get ended(): Promise<number | string | null> {
    const child = this.#child
    if (child === null) return Promise.resolve(null)
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode)
    return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
  }

  get hasEnded(): boolean {
    return this.#child !== null && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  /** Signals the server process alone, and waits for its end. */
  async kill(signal: NodeJS.Signals): Promise<number | string | null> {
    this.#child?.kill(signal)
    return this.ended
  }

  get log(): string {
    try {
      return readFileSync(join(this.folder, 'server.log'), 'utf8')
    } catch {
      return '' // Nothing has been started yet.
    }
  }

  /** Runs a command as a user would; answers what it printed and its exit code. */
  run(...args: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
    return new Promise((resolve) => {
      const options = { env: this.#env, cwd: this.folder, maxBuffer: 1 << 28 }
      const child = execFile(process.execPath, [BIN, ...args], options, (_error, stdout, stderr) =>
        resolve({ stdout, stderr, exitCode: child.exitCode ?? 1 }),
      )
    })
  }

  /** Runs a command that must succeed; answers its JSON. */
  async json(...args: string[]): Promise<unknown> {
    const { stdout, stderr, exitCode } = await this.run(...args, '--output', 'json')
    if (exitCode !== 0) throw new Error(`fairlead ${args.join(' ')} ended with ${exitCode}.\n${stdout}\n${stderr}`)
    return JSON.parse(stdout)
  }

  /** Waits until a Dag is known, and triggers it; answers the run's id. */
  async trigger(dagId: string, conf: unknown = {}): Promise<string> {
    await eventually(async () => (await this.run('dags', 'show', dagId)).exitCode === 0, {
      timeoutMs: 30_000,
      everyMs: 200,
    })
    const answer = (await this.json('dags', 'trigger', dagId, '--conf', JSON.stringify(conf))) as
      | { dag_run_id: string }
      | Array<{ dag_run_id: string }>
    const run = Array.isArray(answer) ? answer[0] : answer
    if (run === undefined) throw new Error(`Triggering ${dagId} answered nothing.`)
    return run.dag_run_id
  }

  async states(dagId: string, runId: string): Promise<readonly TaskInstanceRow[]> {
    return (await this.json('tasks', 'states-for-dag-run', dagId, runId)) as TaskInstanceRow[]
  }

  /** Waits until a run has ended; answers its state. */
  async runEnd(dagId: string, runId: string, timeoutMs = 60_000): Promise<string> {
    return eventually(
      async () => {
        const runs = (await this.json('dags', 'list-runs', dagId)) as Array<{ dag_run_id: string; state: string }>
        const state = runs.find((run) => run.dag_run_id === runId)?.state
        return state === 'success' || state === 'failed' ? state : ''
      },
      { timeoutMs, everyMs: 200 },
    )
  }

  /** Rows of the database, which must not be open in a server. */
  query<T>(sql: string): T[] {
    const require = createRequire(join(ROOT, 'packages/core/package.json'))
    const { DatabaseSync } = require('@photostructure/sqlite') as {
      DatabaseSync: new (path: string) => { prepare(sql: string): { all(): T[] }; close(): void }
    }
    const database = new DatabaseSync(join(this.home, 'fairlead.db'))
    try {
      return database.prepare(sql).all()
    } finally {
      database.close()
    }
  }

  /** Command lines of the live processes that came of this server. */
  get processes(): readonly string[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`FAIRLEAD_TEST_MARKER=${this.marker}`)) return []
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`]
      } catch {
        return [] // It ended while we looked, or is not ours to see.
      }
    })
  }

  /** Kills the server and all that came of it, as the loss of their machine would. */
  killProcesses(): void {
    for (const line of this.processes) {
      try {
        process.kill(Number.parseInt(line, 10), 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // It ended while we looked.
      }
    }
  }

  /** Stops the server, and waits until every process of it is gone. */
  async stop(): Promise<void> {
    const end = await this.kill('SIGTERM')
    // A worker host outlives a killed server on purpose, and would wait minutes for the next one.
    if (end === 'SIGKILL') this.killProcesses()
    await eventually(() => this.processes.length === 0, { timeoutMs: 30_000 })
  }

  /** Stops the server and removes its folder. */
  async dispose(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
