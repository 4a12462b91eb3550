import { eventually } from './eventually.ts'

/** A client of the REST API over HTTP, for tests whose servers come and go. */
export class RestClient {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>

  private constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.url = url
    this.headers = headers
  }

  static async login(url: string, account: { username: string; password: string }): Promise<RestClient> {
    const answer = await new RestClient(url, {}).post('/auth/token', account)
    const { access_token: token } = answer as { access_token: string }
    return new RestClient(url, { authorization: `Bearer ${token}` })
  }

  /** The same caller at another server. */
  at(url: string): RestClient {
    return new RestClient(url, this.headers)
  }

  get(path: string): Promise<unknown> {
    return this.#call('GET', path)
  }

  post(path: string, body: unknown): Promise<unknown> {
    return this.#call('POST', path, body)
  }

  /** Waits until a Dag is known. */
  async eventuallyKnown(dagId: string): Promise<void> {
    await eventually(() => this.get(`/api/v2/dags/${dagId}`), { timeoutMs: 30_000, everyMs: 100 })
  }

  /** Triggers a Dag; answers the run's id. */
  async trigger(dagId: string, run: { runId?: string; conf?: unknown } = {}): Promise<string> {
    const body = {
      logical_date: null,
      conf: run.conf ?? {},
      ...(run.runId === undefined ? {} : { dag_run_id: run.runId }),
    }
    const answer = (await this.post(`/api/v2/dags/${dagId}/dagRuns`, body)) as { dag_run_id: string }
    return answer.dag_run_id
  }

  /** Waits until a run has ended; answers its state. */
  async runEnd(dagId: string, runId: string, timeoutMs = 60_000): Promise<string> {
    return eventually(
      async () => {
        const { state } = (await this.get(`/api/v2/dags/${dagId}/dagRuns/${runId}`)) as { state: string }
        return state === 'success' || state === 'failed' ? state : ''
      },
      { timeoutMs, everyMs: 100 },
    )
  }

  /** The log of a first try, as JSON text. */
  async logOf(dagId: string, runId: string, taskId: string): Promise<string> {
    return JSON.stringify(
      await this.get(`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/logs/1?full_content=true`),
    )
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...this.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
