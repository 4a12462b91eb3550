import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiClient } from '../api-client.ts'
import { runPath } from '../api-shapes.ts'
import type { Terminal } from '../terminal.ts'

const EVERY_MS = 250

/** What is being stopped, of a run or, without one, of every run of a Dag. */
export interface Stops {
  readonly dagId: string
  readonly runId: string | null
  readonly stopping: number
  readonly wait: boolean
}

/** Says how many processes are being stopped; with `wait`, goes on until each is confirmed gone. */
export async function awaitStops(terminal: Terminal, api: ApiClient, stops: Stops): Promise<void> {
  if (stops.stopping === 0) return
  if (!stops.wait) {
    terminal.err(`${countText(stops.stopping)} being stopped. Add --wait to wait until they are confirmed gone.\n`)
    return
  }
  terminal.err(`${countText(stops.stopping)} being stopped.\n`)
  const path = runPath(stops.dagId, stops.runId ?? '~', '/stopping')
  for (;;) {
    const { total_entries: left } = await api.get<{ total_entries: number }>(path)
    if (left === 0) break
    await sleep(EVERY_MS, undefined, { signal: terminal.signal })
  }
  terminal.err('All of them are gone.\n')
}

function countText(count: number): string {
  return count === 1 ? '1 process is' : `${count} processes are`
}
