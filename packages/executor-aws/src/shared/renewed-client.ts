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

  /** The next call is made by a new client. Calls of the old one that are under way go on. */
  renew(): void {
    if (this.#current !== null) this.#left.push(this.#current)
    this.#current = null
  }

  destroy(): void {
    this.renew()
    for (const client of this.#left.splice(0)) client.destroy()
  }
}
