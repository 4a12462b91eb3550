import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { ServerFolder } from './server-folder.ts'

/** Backfills by the command line, through two executors of a real server. */

const DAILY = `import { Dag, getContext } from 'fairlead'
const dag = new Dag('daily', { schedule: '@daily', startDate: '2026-01-01', catchup: false, isPausedUponCreation: false })
const day = dag.task('day', () => getContext().logicalDate?.toISOString().slice(0, 10))()
dag.task('says', ({ day }: { day: string }) => {
  const { conf } = getContext()
  if (conf['breaks'] === day) throw new Error('broken on ' + day)
  return day
}, { executor: 'other' })({ day })
`
const CONFIG = `export default {
  executors: { local: { executor: 'LocalExecutor' }, other: { executor: 'SequentialExecutor' } },
}
`

interface Backfill {
  readonly id: number
  readonly completed_at: string | null
  readonly progress: Readonly<Record<string, number>>
}

const folder = new ServerFolder()
const span = ['--dag-id', 'daily', '--from-date', '2026-02-01', '--to-date', '2026-02-04']
const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await folder.run(args)
  expect([exitCode, stderr]).toEqual([0, ''])
  return stdout
}
const created = async (...more: string[]): Promise<number> => {
  const [backfill] = [await folder.json<Backfill>('backfill', 'create', ...span, ...more)]
  return backfill.id
}
const over = (id: number): Promise<Backfill> =>
  eventually(
    async () => {
      const all = await folder.json<Backfill[]>('backfill', 'list', '--dag-id', 'daily')
      return all.find((one) => one.id === id && one.completed_at !== null)
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )

beforeAll(async () => {
  folder.write('dags/daily.ts', DAILY)
  folder.write('fairlead.config.ts', CONFIG)
  await folder.start()
}, 60_000)
afterAll(() => folder.remove(), 60_000)

describe('a backfill', () => {
  it('is forecast, runs, and runs again what failed', async () => {
    const forecast = await ok('backfill', 'create', ...span, '--run-backwards', '--dry-run')
    expect(forecast).toMatch(/2026-02-04T00:00:00.000Z\s+create[\s\S]*2026-02-01T00:00:00.000Z\s+create/)
    expect(forecast).toMatch(/4 runs, 0 dates skipped\npool default_pool: takes up to 8 slots of 128/)
    const first = await over(await created('--dag-run-conf', '{"breaks":"2026-02-03"}'))
    expect(first.progress).toEqual({ created: 4, success: 3, failed: 1 })
    const second = await over(await created('--reprocess-behavior', 'failed'))
    expect(second.progress).toEqual({ skipped: 3, reprocessed: 1, success: 1 })
    expect(await ok('backfill', 'create', ...span, '--dry-run')).toMatch(/0 runs, 4 dates skipped/)
    expect(await ok('backfill', 'list')).toMatch(/completed/)
  })

  it.each([
    [['backfill', 'create', '--dag-id', 'none', ...span.slice(2)], 3, /There is no Dag "none"/],
    [['backfill', 'create', ...span.slice(0, 4), '--to-date', '2999-01-01'], 1, /more than 10000 dates/],
    [['backfill', 'create', ...span.slice(0, 2), '--from-date', '2026-02-02', '--to-date', 'soon'], 1, /to_date/],
    [['backfill', 'create', ...span, '--max-active-runs', 'few'], 2, /whole number/],
    [['backfill', 'cancel', '999'], 3, /There is no backfill "999"/],
    [['backfill', 'pause', '1'], 1, /Backfill 1 is over already/],
  ])('%j ends with %i and says why', async (args, exitCode, message) => {
    const finished = await folder.run(args)
    expect([finished.exitCode, finished.stderr]).toEqual([exitCode, expect.stringMatching(message)])
  })
})
