import { outcomeUnknown } from '@fairlead/executor'

/** A job as the cloud shows it. */
export interface CloudJob {
  readonly jobId: string
  readonly clientToken: string
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED'
  readonly exitCode?: number | null
  readonly signal?: string | null
}

/** The cloud refuses a request for good; the message is its own. */
export class CloudRefusal extends Error {
  override readonly name = 'CloudRefusal'
}

/** The slice of the cloud that the executor uses. Each call is one request. */
export class CloudClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async submit(
    job: { clientToken: string; command: readonly string[]; environment: Record<string, string> },
    signal: AbortSignal,
  ): Promise<string> {
    const { jobId } = await this.#call<{ jobId: string }>('/submit', job, signal)
    return jobId
  }

  async describe(jobIds: readonly string[], signal: AbortSignal): Promise<readonly CloudJob[]> {
    const { jobs } = await this.#call<{ jobs: CloudJob[] }>('/describe', { jobIds }, signal)
    return jobs
  }

  async find(clientTokens: readonly string[], signal: AbortSignal): Promise<readonly CloudJob[]> {
    const { jobs } = await this.#call<{ jobs: CloudJob[] }>('/find', { clientTokens }, signal)
    return jobs
  }

  /** Resolves when the job is gone; quietly for one that the cloud does not know. */
  async stop(clientToken: string, signal: AbortSignal): Promise<void> {
    await this.#call('/stop', { clientToken }, signal)
  }

  async log(jobId: string): Promise<string> {
    const { log } = await this.#call<{ log: string }>('/log', { jobId }, AbortSignal.timeout(10_000))
    return log
  }

  /** Throws `CloudRefusal` for a 4xx; a lost answer, a throttle and a 5xx are unknown, and safe to repeat. */
  async #call<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
    let response: Response
    try {
      response = await fetch(this.#url + path, { method: 'POST', body: JSON.stringify(body), signal })
    } catch (error) {
      throw outcomeUnknown(`the cloud did not answer ${path}`, error)
    }
    if (response.ok) return (await response.json()) as T
    const { message } = (await response.json()) as { message: string }
    if (response.status === 429 || response.status >= 500)
      throw outcomeUnknown(`the cloud answered ${response.status}: ${message}`)
    throw new CloudRefusal(message)
  }
}
