import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { simulateInThreads } from './simulate-in-threads.ts'
import { noneFailed, simulate, type FailedSeed, type SimulationOptions } from './simulate.ts'

/** `npm run simulate -- --histories 200 [--seed S] [--threads N] [--twice-every N] [--trace]` */

const LINES_SHOWN = 40
const MOST_THREADS = 4

if (isMainThread) await main()
else parentPort?.postMessage(await simulate(workerData as SimulationOptions))

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      histories: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: String(Math.min(availableParallelism(), MOST_THREADS)) },
      'twice-every': { type: 'string', default: '50' },
      trace: { type: 'boolean', default: false },
    },
  })
  const histories = wholeNumber('histories', values.histories)
  const firstSeed = wholeNumber('seed', values.seed)
  const threads = Math.min(wholeNumber('threads', values.threads), histories)
  const twiceEvery = Math.max(1, wholeNumber('twice-every', values['twice-every']))
  const end = firstSeed + histories
  const startedAt = performance.now()
  const result =
    threads <= 1 || values.trace
      ? await simulate({ firstSeed, end, twiceEvery, stride: 1, isFull: values.trace, lowestFailed: noneFailed() })
      : await simulateInThreads(new URL(import.meta.url), threads, { firstSeed, end, twiceEvery })
  const seconds = (performance.now() - startedAt) / 1_000
  if (values.trace) console.log(result.lastLines.join('\n'))
  const [failed] = result.failed
  if (failed !== undefined) tell(failed, values.trace)
  console.log(
    `simulate: ${result.passed} of ${histories} histories passed, ${result.twice} of them twice with one trace, ` +
      `${result.steps} steps, ` +
      `${((result.passed + result.failed.length) / seconds).toFixed(1)} histories/s, ` +
      `traces ${result.digest.toString(16).padStart(8, '0')}${failed === undefined ? '' : ', FAILED'}`,
  )
  process.exitCode = failed === undefined ? 0 : 1
}

function tell({ seed, violation, lines }: FailedSeed, isTraced: boolean): void {
  if (!isTraced) console.error(lines.slice(-LINES_SHOWN).join('\n'))
  console.error(`\nSeed ${seed} breaks "${violation.invariant}":\n${violation.detail}`)
  console.error(`Replay it: npm run simulate -- --histories 1 --seed ${seed} --trace\n`)
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  console.error(`--${name} takes a whole number, not "${text}".`)
  process.exit(2)
}
