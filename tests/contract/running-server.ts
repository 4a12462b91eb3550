import { spawn, type ChildProcess } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../testkit/eventually.ts'

const cli = fileURLToPath(new URL('../../packages/fairlead/bin/fairlead.mjs', import.meta.url))

interface TaskInstance {
  readonly task_id: string
  readonly state: string | null
  readonly try_number: number
  readonly executor: string | null
}

/** A `fairlead standalone` in a folder of its own, and a client of its REST API. */
export class RunningServer {
  readonly folder: string
  #process: ChildProcess | null = null
  #url = ''
  #token = ''
  output = ''

  constructor(folder: string) {
    this.folder = folder
  }

  get url(): string {
    return this.#url
  }

  async start(): Promise<void> {
    const file = join(this.folder, '.fairlead/server.json')
    await rm(file, { force: true })
    const child = spawn(process.execPath, [cli, 'standalone'], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], HOME: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()))
    this.#process = child
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`the server exited with ${child.exitCode}:\n${this.output}`)
        const { url, pid } = JSON.parse(await readFile(file, 'utf8')) as { url: string; pid: number }
        this.#url = url
        return pid === child.pid && (await fetch(`${url}/api/v2/version`)).ok
      },
      { timeoutMs: 30_000 },
    ).catch((cause: unknown) => {
      throw new Error(`the server did not come up:\n${this.output}`, { cause })
    })
    await this.#login()
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const closed = new Promise((resolve) => child.on('close', resolve))
    child.kill(signal)
    await closed
  }

  /** The credential of an executor's own workers. */
  async workerCredential(executor: string): Promise<string> {
    const path = join(this.folder, `.fairlead/keys/worker-${executor}`)
    return (await eventually(() => readFile(path, 'utf8'))).trim()
  }

  async trigger(dagId: string): Promise<string> {
    await eventually(() => this.call('GET', `/dags/${dagId}`), { timeoutMs: 30_000 })
    const run = await this.call<{ dag_run_id: string }>('POST', `/dags/${dagId}/dagRuns`, { logical_date: null })
    return run.dag_run_id
  }

  async runState(dagId: string, runId: string): Promise<string> {
    return (await this.call<{ state: string }>('GET', `/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}`)).state
  }

  async taskInstances(dagId: string, runId: string): Promise<readonly TaskInstance[]> {
    const path = `/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}/taskInstances`
    return (await this.call<{ task_instances: TaskInstance[] }>('GET', path)).task_instances
  }

  async log(dagId: string, runId: string, taskId: string): Promise<string> {
    const path = `/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}/taskInstances/${taskId}/logs/1`
    return JSON.stringify(await this.call('GET', path))
  }

  async #login(): Promise<void> {
    const password = (await readFile(join(this.folder, '.fairlead/keys/admin-password'), 'utf8')).trim()
    const response = await fetch(`${this.#url}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password }),
    })
    this.#token = ((await response.json()) as { access_token: string }).access_token
  }

  /** Repeats until `check` holds, and says at once when the server is gone. */
  async until(check: () => Promise<boolean>): Promise<void> {
    await eventually(async () => this.#process?.exitCode !== null || (await check()), {
      timeoutMs: 60_000,
      everyMs: 50,
    })
    if (this.#process?.exitCode !== null) throw new Error(`the server is gone:\n${this.output}`)
  }

  /** Calls the REST API below `/api/v2`. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#url}/api/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
}
