import type { Database } from '../../packages/core/src/db/database.ts'
import { openDatabase } from '../../packages/core/src/db/database.ts'
import { migrate } from '../../packages/core/src/db/migrate.ts'
import { playHistory, type HistoryResult } from './history.ts'
import { sealGlobals } from './sealed-globals.ts'
import { firstDifference } from './trace.ts'
import type { Violation } from './umpire.ts'

/** One seed that broke an invariant. */
export interface FailedSeed {
  readonly seed: number
  readonly violation: Violation
  readonly lines: readonly string[]
}

/** What a simulation found. */
export interface SimulationResult {
  readonly passed: number
  readonly steps: number
  /** One digest of all traces, whatever their order. */
  readonly digest: number
  readonly failed: readonly FailedSeed[]
  readonly lastLines: readonly string[]
}

/** Which seeds: every `stride`th from the first up to `end`, which is not among them. */
export interface SimulationOptions {
  readonly firstSeed: number
  readonly end: number
  readonly stride: number
  readonly isFull: boolean
  /** The lowest seed that failed in any thread: nobody goes on behind it. */
  readonly lowestFailed: Int32Array
}

/** Plays the histories of these seeds, each twice, until one fails. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const database = openDatabase({ url: ':memory:', pid: 1 })
  await migrate(database)
  const open = sealGlobals()
  let [passed, steps, digest] = [0, 0, 0]
  let lastLines: readonly string[] = []
  try {
    const lowest = (): number => Atomics.load(options.lowestFailed, 0)
    for (let seed = options.firstSeed; seed < options.end && seed < lowest(); seed += options.stride) {
      const { violation, lines, hash, steps: taken } = await playTwice(seed, database, options.isFull)
      steps += taken
      digest = (digest ^ Math.imul(Number.parseInt(hash, 16), seed | 1)) >>> 0
      lastLines = lines
      if (violation !== null) {
        Atomics.store(options.lowestFailed, 0, Math.min(seed, lowest()))
        return { passed, steps, digest, failed: [{ seed, violation, lines }], lastLines }
      }
      passed += 1
    }
  } finally {
    open()
    await database.close()
  }
  return { passed, steps, digest, failed: [], lastLines }
}

async function playTwice(seed: number, database: Database, isFull: boolean): Promise<HistoryResult> {
  await empty(database)
  const first = await playHistory(seed, database, isFull)
  await empty(database)
  const second = await playHistory(seed, database, isFull)
  const difference = firstDifference(first.lines, second.lines)
  if (difference === null) return first
  return {
    ...first,
    violation: { invariant: 'determinism', detail: `Two runs of seed ${seed} differ:\n${difference}` },
  }
}

/** One database serves all histories: its tables are emptied and its statements stay prepared. */
async function empty(database: Database): Promise<void> {
  const tables = (await database.read.introspection.getTables()).map((table) => table.name)
  await database.transaction(async ({ query }) => {
    for (const table of tables.filter((name) => name !== 'schema_revision' && !name.startsWith('sqlite_'))) {
      await query.deleteFrom(table as 'dag').execute()
    }
    await query.deleteFrom('sqlite_sequence' as 'dag').execute()
  })
}

/** For {@link SimulationOptions}: nothing has failed yet. */
export function noneFailed(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4)).fill(2 ** 31 - 1)
}
