import { parseArgs } from 'node:util'
import { simulate, type FailedSeed } from './simulate.ts'

/** `npm run simulate -- --histories 200 [--seed S] [--trace]` */

const LINES_SHOWN = 40

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
})
const [histories, seed] = [wholeNumber('histories', values.histories), wholeNumber('seed', values.seed)]
const startedAt = performance.now()
const result = await simulate({ firstSeed: seed, count: histories, isFull: values.trace })
const seconds = (performance.now() - startedAt) / 1_000

if (values.trace) console.log((result.failed[0]?.lines ?? result.lastLines).join('\n'))
for (const failed of result.failed) tell(failed)
const rate = (result.passed + result.failed.length) / seconds
console.log(
  `simulate: ${result.passed} of ${histories} histories passed, each twice with one trace, ${result.steps} steps, ` +
    `${rate.toFixed(1)} histories/s, last trace ${result.lastHash}${result.failed.length > 0 ? ', FAILED' : ''}`,
)
process.exitCode = result.failed.length > 0 ? 1 : 0

function tell({ seed: failedSeed, violation, lines }: FailedSeed): void {
  if (!values.trace) console.error(lines.slice(-LINES_SHOWN).join('\n'))
  console.error(`\nSeed ${failedSeed} breaks "${violation.invariant}":\n${violation.detail}`)
  console.error(`Replay it: npm run simulate -- --histories 1 --seed ${failedSeed} --trace\n`)
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  console.error(`--${name} takes a whole number, not "${text}".`)
  process.exit(2)
}
