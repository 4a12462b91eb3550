import type { WireAnswer } from './wire/render.ts'

/** A function of the double that another process may call: its arguments and its result travel as JSON. */
export type ControlFunction = (...args: readonly never[]) => unknown

/**
 * The back door for another process: `POST /_double` with `{"call": "ecs.kill", "args": ["arn:…", "SIGKILL"]}` answers
 * `{"result": …}`. Conformance hooks and demos use it, which cannot hold the double itself.
 */
export class Control {
  readonly #functions: () => Readonly<Record<string, ControlFunction>>

  constructor(functions: () => Readonly<Record<string, ControlFunction>>) {
    this.#functions = functions
  }

  async answer(body: Buffer): Promise<WireAnswer> {
    try {
      const { call, args = [] } = JSON.parse(body.toString()) as { call: string; args?: readonly never[] }
      const known = this.#functions()
      const found = known[call]
      if (found === undefined) throw new Error(`No "${call}" here. There are: ${Object.keys(known).join(', ')}`)
      return json(200, { result: (await found(...args)) ?? null })
    } catch (error) {
      return json(400, { error: error instanceof Error ? error.message : String(error) })
    }
  }
}

function json(status: number, body: object): WireAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
