/**
 * The back door of the double of AWS on which executors are tried, for conformance hooks: what happens outside of an
 * executor. Nothing else loads it.
 */
export class DoubleControl {
  readonly #url: string

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const url = environment['FAIRLEAD_AWS_DOUBLE']
    if (url === undefined) {
      throw new Error('FAIRLEAD_AWS_DOUBLE says where the double of AWS is. Run: npm run conformance -- ecs')
    }
    this.#url = url
  }

  async call<Result>(call: string, ...args: readonly unknown[]): Promise<Result> {
    const response = await fetch(new URL('/_double', this.#url), {
      method: 'POST',
      body: JSON.stringify({ call, args }),
    })
    const answer = (await response.json()) as { result: Result; error?: string }
    if (answer.error !== undefined) throw new Error(`The double refuses ${call}: ${answer.error}`)
    return answer.result
  }

  /** Begins a fault on an operation; answers what ends it. */
  async begin(operation: string, fault: object): Promise<() => Promise<void>> {
    const id = await this.call<number>('faults.begin', operation, fault)
    return () => this.call('faults.end', id)
  }
}
