import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A cloud that runs each submitted job as a real process. It is idempotent by client token, shows a new job only after
 * some describes, and can take a job and lose the answer.
 */
export class FakeCloud {
  readonly requests: string[] = []
  /** How many of the next submits are taken while their answer is lost. */
  loseAnswers = 0
  /** How many of the next requests are refused with 429. */
  throttle = 0
  /** How many describes do not know a job yet. */
  hiddenDescribes = 2
  readonly #jobs = new Map<string, Job>()
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get jobs(): readonly Job[] {
    return [...this.#jobs.values()]
  }

  async close(): Promise<void> {
    await Promise.all(this.jobs.map(stop))
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await text(request)) || '{}') as Record<string, unknown>
    const path = request.url ?? '/'
    this.requests.push(`${request.method ?? ''} ${path}`)
    if (this.throttle > 0) {
      this.throttle -= 1
      return answer(response, 429, { message: 'slow down' })
    }
    if (path === '/submit') return this.#submit(body, response)
    if (path === '/describe') return answer(response, 200, { jobs: this.#describe(body['jobIds'] as string[]) })
    if (path === '/find') return answer(response, 200, { jobs: this.#find(body['clientTokens'] as string[]) })
    if (path === '/stop') return await this.#stop(body['clientToken'] as string, response)
    if (path === '/log') return answer(response, 200, { log: this.#byId(body['jobId'] as string)?.log ?? '' })
    answer(response, 404, { message: `no such operation: ${path}` })
  }

  #submit(body: Record<string, unknown>, response: ServerResponse): void {
    const { clientToken, command, environment } = body as unknown as Submission
    if (command.length === 0) return answer(response, 400, { message: 'a job needs a command' })
    const job =
      this.#jobs.get(clientToken) ?? begin(`job-${this.#jobs.size + 1}`, { clientToken, command, environment })
    this.#jobs.set(clientToken, job)
    if (this.loseAnswers > 0) {
      this.loseAnswers -= 1
      response.destroy()
      return
    }
    answer(response, 200, { jobId: job.jobId })
  }

  #describe(jobIds: readonly string[]): readonly object[] {
    const found = jobIds.map((jobId) => this.#byId(jobId)).filter((job) => job !== undefined)
    const visible = found.filter((job) => (job.describes += 1) > this.hiddenDescribes)
    return visible.map(view)
  }

  #find(clientTokens: readonly string[]): readonly object[] {
    return this.jobs.filter((job) => clientTokens.includes(job.clientToken)).map(view)
  }

  async #stop(clientToken: string, response: ServerResponse): Promise<void> {
    const job = this.#jobs.get(clientToken)
    if (job !== undefined) await stop(job)
    answer(response, 200, { wasKnown: job !== undefined })
  }

  #byId(jobId: string): Job | undefined {
    return this.jobs.find((job) => job.jobId === jobId)
  }
}

interface Submission {
  readonly clientToken: string
  readonly command: readonly string[]
  readonly environment: Record<string, string>
}

/** A job as the cloud keeps it. */
export interface Job {
  readonly jobId: string
  readonly clientToken: string
  readonly environment: Record<string, string>
  readonly child: ChildProcess
  readonly ended: Promise<void>
  exit: { exitCode: number | null; signal: string | null } | null
  log: string
  describes: number
}

function begin(jobId: string, { clientToken, command, environment }: Submission): Job {
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let settle: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (settle = resolve))
  const job: Job = { jobId, clientToken, environment, child, ended, exit: null, log: '', describes: 0 }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (job.log += chunk.toString()))
  child.on('error', () => undefined)
  child.on('close', (exitCode, signal) => {
    job.exit = { exitCode, signal }
    settle()
  })
  return job
}

async function stop(job: Job): Promise<void> {
  if (job.exit === null && job.child.pid !== undefined) process.kill(-job.child.pid, 'SIGKILL')
  await job.ended
}

function view({ jobId, clientToken, exit }: Job): object {
  if (exit === null) return { jobId, clientToken, status: 'RUNNING' }
  return { jobId, clientToken, status: exit.exitCode === 0 ? 'SUCCEEDED' : 'FAILED', ...exit }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
