/** What goes wrong with a request. */
export type Fault =
  /** Too many requests, in the words of the service. Nothing is carried out. */
  | { readonly kind: 'throttle' }
  /** The service is broken. Nothing is carried out. */
  | { readonly kind: 'serverError'; readonly status?: 500 | 502 | 503 | 504 }
  /** Any other error. Nothing is carried out. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status?: number }
  /** The credentials have expired, or nobody knows them. */
  | { readonly kind: 'expiredCredentials' }
  | { readonly kind: 'unknownCredentials' }
  /** No capacity: `failures[]` of ecs:RunTask (with these reasons), too many invocations for lambda:Invoke. */
  | { readonly kind: 'capacity'; readonly reasons?: readonly string[] }
  /** The request is carried out, and the connection cut before the answer. */
  | { readonly kind: 'loseAnswer' }
  /** The connection is cut before anything is carried out. */
  | { readonly kind: 'cut' }
  /** The request is carried out after this long; further faults apply too. */
  | { readonly kind: 'latency'; readonly ms: number }

interface Order {
  readonly id: number
  readonly pattern: string
  readonly fault: Fault
  left: number
}

/**
 * Faults that were ordered, by operation (`ecs:RunTask`, `ecs:*` or `*`) and count. Of several that apply, the one that was
 * ordered first is used up first.
 */
export class Faults {
  #orders: Order[] = []
  #lastId = 0

  /** The next `times` requests of this operation meet the fault. */
  next(operation: string, fault: Fault, times = 1): void {
    this.#order(operation, fault, times)
  }

  /** Every request of this operation meets the fault, until `end` is called with the answer. */
  begin(operation: string, fault: Fault): number {
    return this.#order(operation, fault, Number.POSITIVE_INFINITY)
  }

  end(id: number): void {
    this.#orders = this.#orders.filter((order) => order.id !== id)
  }

  clear(): void {
    this.#orders = []
  }

  /** Orders that nothing met so far. */
  get pending(): number {
    return this.#orders.filter(({ left }) => Number.isFinite(left)).length
  }

  /** What this request meets: any latency, and at most one other fault. */
  take(operation: string): { readonly latencyMs: number; readonly fault: Fault | null } {
    const latency = this.#use(operation, ({ kind }) => kind === 'latency')
    const fault = this.#use(operation, ({ kind }) => kind !== 'latency')
    return { latencyMs: latency?.kind === 'latency' ? latency.ms : 0, fault }
  }

  #order(operation: string, fault: Fault, left: number): number {
    if (!/^(\*|[a-z]+:(\*|[A-Za-z]+))$/.test(operation))
      throw new Error(`"${operation}" names no operation. Say for example ecs:RunTask, ecs:* or *.`)
    this.#lastId += 1
    this.#orders.push({ id: this.#lastId, pattern: operation, fault, left })
    return this.#lastId
  }

  #use(operation: string, isWanted: (fault: Fault) => boolean): Fault | null {
    const service = operation.split(':')[0] ?? ''
    const order = this.#orders.find(
      ({ pattern, fault }) => isWanted(fault) && [operation, `${service}:*`, '*'].includes(pattern),
    )
    if (order === undefined) return null
    order.left -= 1
    if (order.left <= 0) this.end(order.id)
    return order.fault
  }
}
