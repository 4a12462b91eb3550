import { describe, expect, it } from 'vitest'
import type { ConformanceReport } from './report.ts'
import { isConformant, summaryText } from './report.ts'

const NONE = { passed: 0, failed: 0, notRun: 0, notApplicable: 0 }

function reportOf(counts: Partial<ConformanceReport['counts']>): ConformanceReport {
  return { executor: 'mine', level: 'full', contractVersion: 1, counts: { ...NONE, ...counts }, results: [] }
}

describe('the verdict of a report', () => {
  it.each([
    [{ passed: 3, notRun: 1 }, true, 'mine conforms at level full: 3 passed, 0 failed, 1 not run, 0 not applicable.'],
    [{ passed: 3, failed: 1 }, false, 'mine does not conform: 3 passed, 1 failed, 0 not run, 0 not applicable.'],
    [{ notRun: 4 }, false, 'Nothing of mine was proved: 0 passed, 0 failed, 4 not run, 0 not applicable.'],
  ])('of %o is %s', (counts, conforms, text) => {
    expect(isConformant(reportOf(counts))).toBe(conforms)
    expect(summaryText(reportOf(counts))).toBe(text)
  })
})
