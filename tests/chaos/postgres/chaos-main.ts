import { parseArgs } from 'node:util'
import { chaos } from './chaos.ts'
import { apiOutage } from './outage.ts'

/** `npm run chaos -- --minutes 10 --seed N`, or `--api-down SECONDS` for that outage alone, with the times of production. */

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'api-down': { type: 'string' },
  },
})
const say = (line: string): void => console.log(line)
const seconds = values['api-down']
try {
  say(
    seconds === undefined
      ? await chaos({ seed: Number(values.seed), forMs: Number(values.minutes) * 60_000, say })
      : await apiOutage({ downMs: Number(seconds) * 1000, executorSettings: {}, env: {}, say }),
  )
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
