import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../../testkit/eventually.ts'
import type { RestClient } from '../../../testkit/rest-client.ts'
import type { Stage } from './stage.ts'

/** Runs of the stream's Dag whose tasks, once begun, go on until they are let go. */
export class GatedRuns {
  readonly ids: readonly string[]
  readonly #stage: Stage
  readonly #client: RestClient

  private constructor(stage: Stage, client: RestClient, ids: readonly string[]) {
    this.#stage = stage
    this.#client = client
    this.ids = ids
  }

  /** Triggers them; resolves when the first task of each runs. */
  static async begin(stage: Stage, count: number): Promise<GatedRuns> {
    const client = await stage.login()
    await client.eventuallyKnown('stream')
    const ids = Array.from({ length: count }, (_, index) => `run-${index}`)
    const runs = new GatedRuns(stage, client, ids)
    for (const [index, runId] of ids.entries()) {
      const conf = { journal: stage.journal, longestMs: 0, gate: runs.#gateOf(index) }
      await client.trigger('stream', { runId, conf })
    }
    await eventually(() => runs.begun === count, { timeoutMs: 60_000 })
    return runs
  }

  get apiUrl(): string {
    return this.#client.url
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#client.headers
  }

  /** How many tasks have begun, counting each time. */
  get begun(): number {
    return this.#lines('begin')
  }

  /** How many have come to their end, whether anybody heard of it or not. */
  get ended(): number {
    return this.#lines('end')
  }

  /** Lets the tasks of one run go on, or of all. */
  letGo(only?: number): void {
    for (const index of this.ids.keys())
      if (only === undefined || only === index) writeFileSync(this.#gateOf(index), '')
  }

  /** Waits for the end of each; answers their states. */
  ends(): Promise<readonly string[]> {
    return Promise.all(this.ids.map((runId) => this.#client.runEnd('stream', runId, 180_000)))
  }

  #gateOf(index: number): string {
    return join(this.#stage.installation.folder, `gate-${index}`)
  }

  #lines(what: string): number {
    return readFileSync(this.#stage.journal, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${what} `)).length
  }
}
