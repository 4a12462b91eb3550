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
  readonly lastHash: string
  readonly failed: readonly FailedSeed[]
  readonly lastLines: readonly string[]
}

/** Plays the histories of `count` seeds, each twice, until one fails. */
export async function simulate(options: {
  readonly firstSeed: number
  readonly count: number
  readonly isFull: boolean
}): Promise<SimulationResult> {
  const database = openDatabase({ url: ':memory:', pid: 1 })
  await migrate(database)
  const open = sealGlobals()
  let [passed, steps, lastHash, lastLines] = [0, 0, '', [] as readonly string[]]
  try {
    for (let seed = options.firstSeed; seed < options.firstSeed + options.count; seed += 1) {
      const result = await playTwice(seed, database, options.isFull)
      steps += result.steps
      lastHash = result.hash
      lastLines = result.lines
      const { violation, lines } = result
      if (violation !== null) return { passed, steps, lastHash, failed: [{ seed, violation, lines }], lastLines }
      passed += 1
    }
  } finally {
    open()
    await database.close()
  }
  return { passed, steps, lastHash, failed: [], lastLines }
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
