import { runConformance, type ConformanceReport } from '@fairlead/executor/conformance'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BROKEN_EXECUTORS } from '../../testkit/broken-executors/index.ts'
import { OutsideExecutor, outsideHooks } from '../../testkit/broken-executors/outside-executor.ts'
import { Outside } from '../../testkit/broken-executors/outside.ts'
import { EXPECTED_FAILURES } from './expected-failures.ts'

type Laboratory = Awaited<ReturnType<typeof openLaboratory>>
let laboratory: Laboratory

beforeAll(async () => {
  laboratory = await openLaboratory({ sharesFiles: true })
})
afterAll(() => laboratory.close())

it('passes an executor that keeps every invariant, with every hook', async () => {
  const report = await certify(OutsideExecutor)
  expect(failuresOf(report)).toEqual([])
  expect(report.results.filter(({ outcome }) => outcome.kind === 'notRun')).toEqual([])
})

it.each(Object.entries(BROKEN_EXECUTORS))(
  'fails %s by the invariants that it breaks, and no other',
  async (name, Class) => {
    const report = await certify(Class)
    expect(failuresOf(report), reasonsOf(report)).toEqual(Reflect.get(EXPECTED_FAILURES, name))
  },
)

async function certify(executorClass: unknown): Promise<ConformanceReport> {
  const outside = new Outside()
  const subject = { executorClass, settings: { outside }, hooks: outsideHooks(outside), executorConfig: {} }
  const report = await runConformance({ subject, laboratory, ...LIMITS })
  // What a broken executor has lost sight of runs on.
  await outside.stopAll()
  return report
}

const LIMITS = { patienceMs: 20_000, callPatienceMs: 6_000, volume: 20, concurrency: 6 }

function failuresOf({ results }: ConformanceReport): readonly string[] {
  return results.flatMap(({ id, outcome }) => (outcome.kind === 'failed' ? [id] : []))
}

function reasonsOf({ results }: ConformanceReport): string {
  return results
    .flatMap(({ id, outcome }) => (outcome.kind === 'failed' ? [`${id}: ${outcome.reason}`] : []))
    .join('\n')
}
