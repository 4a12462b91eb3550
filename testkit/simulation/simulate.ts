import type { Database } from '../../packages/core/src/db/database.ts'
import { openDatabase } from '../../packages/core/src/db/database.ts'
import { migrate } from '../../packages/core/src/db/migrate.ts'
import { createDefaultPool } from '../../packages/core/src/db/queries/pools.ts'
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
  /** How many of them were played twice, with one trace. */
  readonly twice: number
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
  /** Plays every so many-th seed twice: a second play shows only that the simulation depends on nothing but the seed. */
  readonly twiceEvery: number
  /** The lowest seed that failed in any thread: nobody goes on behind it. */
  readonly lowestFailed: Int32Array
}

/** Plays the histories of these seeds until one fails. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const database = openDatabase({ url: ':memory:', pid: 1 })
  await migrate(database)
  const empty = await emptierOf(database)
  const open = sealGlobals()
  const play = async (seed: number): Promise<HistoryResult> => {
    await empty()
    return await playHistory(seed, database, options.isFull)
  }
  let [passed, twice, steps, digest] = [0, 0, 0, 0]
  let lastLines: readonly string[] = []
  try {
    const lowest = (): number => Atomics.load(options.lowestFailed, 0)
    for (let seed = options.firstSeed; seed < options.end && seed < lowest(); seed += options.stride) {
      const isTwice = seed % options.twiceEvery === 0
      const { violation, lines, hash, steps: taken } = isTwice ? await playTwice(seed, play) : await play(seed)
      steps += taken
      digest = (digest ^ Math.imul(Number.parseInt(hash, 16), seed | 1)) >>> 0
      lastLines = lines
      if (violation !== null) {
        Atomics.store(options.lowestFailed, 0, Math.min(seed, lowest()))
        return { passed, twice, steps, digest, failed: [{ seed, violation, lines }], lastLines }
      }
      passed += 1
      twice += isTwice ? 1 : 0
    }
  } finally {
    open()
    await database.close()
  }
  return { passed, twice, steps, digest, failed: [], lastLines }
}

async function playTwice(seed: number, play: (seed: number) => Promise<HistoryResult>): Promise<HistoryResult> {
  const first = await play(seed)
  const difference = firstDifference(first.lines, (await play(seed)).lines)
  if (difference === null) return first
  return {
    ...first,
    violation: { invariant: 'determinism', detail: `Two runs of seed ${seed} differ:\n${difference}` },
  }
}

const DEFAULT_POOL_SLOTS = 128

/** One database serves all histories: its tables are emptied, but for the default pool, and its statements stay prepared. */
async function emptierOf(database: Database): Promise<() => Promise<void>> {
  const found = (await database.read.introspection.getTables()).map((table) => table.name)
  const tables = found.filter((name) => name !== 'schema_revision' && !name.startsWith('sqlite_'))
  return () =>
    database.transaction(async (tx) => {
      for (const table of [...tables, 'sqlite_sequence']) await tx.query.deleteFrom(table as 'dag').execute()
      await createDefaultPool(tx, DEFAULT_POOL_SLOTS)
    })
}

/** For {@link SimulationOptions}: nothing has failed yet. */
export function noneFailed(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4)).fill(2 ** 31 - 1)
}
