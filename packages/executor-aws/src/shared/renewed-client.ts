import { failureOf } from './aws-failure.ts'
import { withOwnSignal } from './own-signal.ts'

/** What is used of a client of the SDK here. */
interface Destroyable {
  destroy(): void
}

/**
 * A client that is made when it is first used, and made anew after its credentials were refused: the new one asks the
 * whole chain again, so that renewed credentials are found without a restart.
 */
export class RenewedClient<Client extends Destroyable> {
  readonly #make: () => Client
  #current: Client | null = null
  readonly #left: Client[] = []

  constructor(make: () => Client) {
    this.#make = make
  }

  get current(): Client {
    this.#current ??= this.#make()
    return this.#current
  }

  /** Makes a call, under a signal of its own. A refusal of credentials has the next call made by a new client. */
  async call<T>(
    send: (client: Client, options: { abortSignal?: AbortSignal }) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const client = this.current
    try {
      if (signal === undefined) return await send(client, {})
      return await withOwnSignal(signal, (abortSignal) => send(client, { abortSignal }))
    } catch (error) {
      if (failureOf(error).kind === 'credentials') this.#leave(client)
      throw error
    }
  }

  destroy(): void {
    if (this.#current !== null) this.#leave(this.#current)
    for (const client of this.#left.splice(0)) client.destroy()
  }

  /** Its calls that are under way go on. Another that was made meanwhile stays. */
  #leave(client: Client): void {
    if (this.#current !== client) return
    this.#left.push(client)
    this.#current = null
  }
}
