import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../testkit/eventually.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = join(root, 'packages/fairlead/bin/fairlead.mjs')

/** What a command left behind. */
export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A server that runs, as a process. */
export interface RunningProcess {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
}

/** A folder with Dags, in which fairlead is installed, and the processes that were started in it. */
export class ServerFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'fl-e2e-'))
  readonly #servers: RunningProcess[] = []

  constructor() {
    mkdirSync(join(this.path, 'dags'))
    symlinkSync(join(root, 'node_modules'), join(this.path, 'node_modules'))
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.path, file)), { recursive: true })
    writeFileSync(join(this.path, file), text)
  }

  /** Runs a command to its end. */
  run(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
    return this.#spawn(args, env).finished
  }

  /** Runs a command that must succeed; answers its result as data. */
  async json<T>(...args: string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await this.run([...args, '--output', 'json'])
    if (exitCode !== 0) throw new Error(`fairlead ${args.join(' ')}: exit code ${exitCode}\n${stderr}`)
    return JSON.parse(stdout) as T
  }

  /** Starts a server and waits until it has announced itself. */
  async start(env: Record<string, string> = {}): Promise<RunningProcess> {
    const server = this.#spawn(['standalone', '--port', '0'], env)
    this.#servers.push(server)
    const early = server.finished.then(({ stderr }) => Promise.reject(new Error(`The server ended: ${stderr}`)))
    await Promise.race([
      eventually(() => existsSync(join(this.path, '.fairlead/server.json')), { timeoutMs: 30_000 }),
      early,
    ])
    early.catch(() => undefined)
    return server
  }

  async remove(): Promise<void> {
    for (const { process, finished } of this.#servers) {
      process.kill('SIGTERM')
      await finished
    }
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }

  #spawn(args: readonly string[], env: Record<string, string>): RunningProcess {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: this.path,
      env: { PATH: process.env['PATH'], HOME: this.path, USER: 'tester', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    const finished = new Promise<Finished>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (exitCode) =>
        resolve({ exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      )
    })
    return { process: child, finished }
  }
}
