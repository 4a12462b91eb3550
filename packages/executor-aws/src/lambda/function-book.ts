import {
  DEFAULT_ASYNC_POLICY,
  type AsyncPolicy,
  type FunctionFacts,
  type FunctionTarget,
  type LambdaApi,
} from './lambda-api.ts'

/** What is known of a function. */
export interface KnownFunction {
  readonly facts: FunctionFacts
  readonly policy: AsyncPolicy
  /** False where Lambda's defaults hold. */
  readonly hasPolicy: boolean
}

/** Reads functions, and remembers them for some minutes: their settings change seldom, and each launch needs them. */
export class FunctionBook {
  readonly #api: LambdaApi
  readonly #now: () => number
  readonly #known = new Map<string, { readonly readAt: number; readonly known: Promise<KnownFunction> }>()

  constructor(api: LambdaApi, now: () => number) {
    this.#api = api
    this.#now = now
  }

  async of(target: FunctionTarget, signal: AbortSignal): Promise<KnownFunction> {
    const key = `${target.functionName} ${target.qualifier ?? ''}`
    const kept = this.#known.get(key)
    const age = kept === undefined ? Infinity : Math.abs(this.#now() - kept.readAt)
    if (kept !== undefined && age < KEPT_MS) return await kept.known
    const known = this.#read(target, signal)
    this.#known.set(key, { readAt: this.#now(), known })
    // What failed is asked for again by the next.
    known.catch(() => this.#known.delete(key))
    return await known
  }

  /** Reads everything anew when it is next asked for. */
  forget(): void {
    this.#known.clear()
  }

  async #read(target: FunctionTarget, signal: AbortSignal): Promise<KnownFunction> {
    const [facts, policy] = await Promise.all([
      this.#api.describe(target, signal),
      this.#api.asyncPolicy(target, signal),
    ])
    return { facts, policy: policy ?? DEFAULT_ASYNC_POLICY, hasPolicy: policy !== null }
  }
}

const KEPT_MS = 300_000
