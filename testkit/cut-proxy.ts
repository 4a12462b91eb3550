import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A TCP proxy on the loopback address whose line can be cut: with an end that is heard, or in silence. */
export class CutProxy {
  readonly #server: Server
  readonly #target: { readonly host: string; readonly port: number }
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #line: 'whole' | 'broken' | 'silent' = 'whole'

  private constructor(target: { host: string; port: number }) {
    this.#target = target
    this.#server = createServer((near) => this.#accept(near))
  }

  static async open(target: { host: string; port: number }): Promise<CutProxy> {
    const proxy = new CutProxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The same address with the proxy in between. */
  urlOf(address: string): string {
    const url = new URL(address)
    url.hostname = '127.0.0.1'
    url.port = String(this.port)
    return url.toString()
  }

  /** Ends every connection, and every new one at once. */
  break(): void {
    this.#line = 'broken'
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  /** Carries nothing any more, and says nothing of it: a partition. */
  silence(): void {
    this.#line = 'silent'
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  /** Carries again, what was held up first. */
  mend(): void {
    this.#line = 'whole'
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  async close(): Promise<void> {
    this.break()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined)
    if (this.#line === 'broken') return void near.destroy()
    const far = createConnection(this.#target)
    far.on('error', () => undefined)
    const pair = [near, far] as const
    this.#pairs.add(pair)
    this.#carry(near, far)
    this.#carry(far, near)
    for (const socket of pair) {
      socket.once('close', () => {
        this.#pairs.delete(pair)
        for (const other of pair) other.destroy()
      })
      if (this.#line === 'silent') socket.pause()
    }
  }

  #carry(from: Socket, to: Socket): void {
    from.on('data', (bytes) => void to.write(bytes))
    // Whatever was said before the end is on its way.
    from.on('end', () => to.end())
  }
}
