import { request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { outcomeUnknown } from '@fairlead/executor'

/** The engine refuses a request for good; the message is its own. */
export class EngineRefusal extends Error {
  override readonly name = 'EngineRefusal'
}

/** A container as the list of all shows it. */
export interface ListedContainer {
  readonly Names: readonly string[]
  readonly State: string
  readonly Labels: Readonly<Record<string, string>>
}

/** A container as the engine shows it when asked for this one. */
export interface InspectedContainer {
  readonly State: {
    readonly Status: string
    readonly ExitCode: number
    readonly OOMKilled: boolean
    readonly Error: string
  }
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
}

/**
 * The slice of the Docker Engine API that the executor uses, over the engine's Unix socket. A 4xx is a refusal, and null
 * where "there is none" is an answer. No answer, a throttle or a 5xx leave the outcome unknown; every call may be repeated.
 */
export class Engine {
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  async ping(signal: AbortSignal): Promise<void> {
    await this.#call('GET', '/_ping', { signal })
  }

  async hasImage(image: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#call('GET', `/images/${image}/json`, { signal, none: [404] })) !== null
  }

  /** False when there is a container of this name already. */
  async create(name: string, spec: object, signal: AbortSignal): Promise<boolean> {
    return (await this.#call('POST', `/containers/create?name=${name}`, { signal, body: spec, none: [409] })) !== null
  }

  /** Quiet for a container that runs. One that has ended would run again. */
  async start(name: string, signal: AbortSignal): Promise<void> {
    await this.#call('POST', `/containers/${name}/start`, { signal })
  }

  /** Every container with this label, whatever its state. */
  async list(label: string, signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }))
    const text = await this.#call('GET', `/containers/json?all=true&filters=${filters}`, { signal })
    return JSON.parse(text ?? '[]') as ListedContainer[]
  }

  async inspect(name: string, signal: AbortSignal): Promise<InspectedContainer | null> {
    const text = await this.#call('GET', `/containers/${name}/json`, { signal, none: [404] })
    return text === null ? null : (JSON.parse(text) as InspectedContainer)
  }

  /** Asks the process to end, then kills it; resolves when the container is gone, quietly for an unknown one. */
  async stopAndRemove(name: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const seconds = Math.ceil(graceMs / 1000)
    await this.#call('POST', `/containers/${name}/stop?t=${seconds}`, { signal, none: [404] })
    await this.remove(name, signal)
  }

  /** Resolves when the container is gone, also when somebody else is removing it (409). */
  async remove(name: string, signal: AbortSignal): Promise<void> {
    const path = `/containers/${name}?force=true&v=true`
    while ((await this.#call('DELETE', path, { signal, none: [404, 409] })) === null) {
      if ((await this.inspect(name, signal)) === null) return
      await sleep(REMOVAL_PAUSE_MS, undefined, { signal })
    }
  }

  async kill(name: string, signal: AbortSignal): Promise<void> {
    await this.#call('POST', `/containers/${name}/kill?signal=SIGKILL`, { signal })
  }

  /** What the container wrote, or null for an unknown one. `follow` goes on until it ends. */
  async logs(name: string, follow: boolean, signal?: AbortSignal): Promise<IncomingMessage | null> {
    const path = `/containers/${name}/logs?stdout=true&stderr=true&follow=${follow}`
    const response = await this.#send('GET', path, signal === undefined ? {} : { signal })
    if (response.statusCode === 200) return response
    response.resume()
    if (response.statusCode === 404) return null
    throw outcomeUnknown(`the Docker engine answered ${response.statusCode} to GET ${path}`)
  }

  async #call(method: string, path: string, options: CallOptions): Promise<string | null> {
    const response = await this.#send(method, path, options)
    const status = response.statusCode ?? 0
    const text = await textOf(response, `${method} ${path}`)
    if (status < 400) return text
    if (options.none?.includes(status) === true) return null
    const message = messageOf(text)
    if (status === 429 || status >= 500)
      throw outcomeUnknown(`the Docker engine answered ${status} to ${method} ${path}: ${message}`)
    throw new EngineRefusal(message)
  }

  #send(method: string, path: string, { body, signal }: Partial<CallOptions>): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.#socketPath,
          method,
          path,
          // A connection for each call: nothing stays open between two.
          agent: false,
          // Of its own: one signal may hold for many calls, and Node warns of many listeners.
          ...(signal === undefined ? {} : { signal: AbortSignal.any([signal]) }),
          ...(payload === undefined ? {} : { headers: { 'content-type': 'application/json' } }),
        },
        resolve,
      )
      sent.on('error', (cause) =>
        reject(outcomeUnknown(`the Docker engine at ${this.#socketPath} did not answer: ${cause.message}`, cause)),
      )
      sent.end(payload)
    })
  }
}

const REMOVAL_PAUSE_MS = 50

interface CallOptions {
  readonly signal: AbortSignal
  readonly body?: object
  /** Statuses that say that there is none. */
  readonly none?: readonly number[]
}

async function textOf(response: IncomingMessage, call: string): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    throw outcomeUnknown(`the Docker engine's answer to ${call} broke off`, error)
  }
  return Buffer.concat(chunks).toString()
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : text
  } catch {
    return text // A proxy before the engine answers in words of its own.
  }
}
