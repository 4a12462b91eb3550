import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Laboratory } from './conformance/laboratory.ts'
import { invariantsOf, isAlone, tryInvariant, type ConformanceOptions } from './conformance/run-conformance.ts'

/** What a certifying test file says: the executor, and how a laboratory is opened. */
export interface CertifyOptions extends Omit<ConformanceOptions, 'laboratory' | 'onResult' | 'signal'> {
  /** `openLaboratory` of `fairlead/conformance`. */
  openLaboratory(about: { readonly executorClass: unknown; readonly name?: string }): Promise<Laboratory>
}

/** Registers one test for each invariant. What is not run or not applicable is skipped, with its reason. */
export function conformance(options: CertifyOptions): void {
  const { level = 'full', only, subject, openLaboratory } = options
  const invariants = invariantsOf(level).filter(({ id }) => only === undefined || only.includes(id))
  describe(`conformance, level ${level}`, () => {
    let laboratory: Laboratory
    beforeAll(async () => {
      laboratory = await openLaboratory(subject)
    })
    afterAll(() => laboratory.close())

    for (const invariant of invariants) {
      const concurrent = !isAlone(invariant, subject)
      it(`${invariant.id} ${invariant.sentence}`, { concurrent, timeout: TEST_TIMEOUT_MS }, async ({ skip }) => {
        const { outcome } = await tryInvariant(invariant, { ...options, laboratory })
        if (outcome.kind === 'notRun' || outcome.kind === 'notApplicable') skip(`${outcome.kind}: ${outcome.reason}`)
        if (outcome.kind === 'failed') expect.fail(outcome.reason)
      })
    }
  })
}

/** Longer than any invariant's own patience. */
const TEST_TIMEOUT_MS = 180_000
