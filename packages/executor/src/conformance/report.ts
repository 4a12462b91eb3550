import type { Level } from './invariant.ts'

/** What became of one invariant. Only `passed` counts as passed. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'notRun'; readonly reason: string }
  | { readonly kind: 'notApplicable'; readonly reason: string }

/** One line of a report. */
export interface InvariantResult {
  readonly id: string
  readonly sentence: string
  readonly level: Level
  readonly outcome: Outcome
  /** For information; nothing is judged by it. */
  readonly durationMs: number
}

/** What a run of the kit found. */
export interface ConformanceReport {
  readonly executor: string
  readonly level: Level
  readonly contractVersion: number
  readonly counts: Readonly<Record<Outcome['kind'], number>>
  readonly results: readonly InvariantResult[]
}

/** True when something was run and nothing failed. What was not run is not certified either; the counts say how much. */
export function isConformant({ counts }: ConformanceReport): boolean {
  return counts.failed === 0 && counts.passed > 0
}

/** Counts results by outcome. */
export function countOutcomes(results: readonly InvariantResult[]): ConformanceReport['counts'] {
  const counts = { passed: 0, failed: 0, notRun: 0, notApplicable: 0 }
  for (const { outcome } of results) counts[outcome.kind] += 1
  return counts
}

/** One line, and its reason where it did not pass. */
export function resultText({ id, sentence, outcome, durationMs }: InvariantResult): string {
  const line = `${MARKS[outcome.kind].padEnd(WIDTH)}  ${id}  ${sentence} (${Math.round(durationMs)} ms)`
  return outcome.kind === 'passed' ? line : `${line}\n${' '.repeat(WIDTH + 2)}${outcome.reason}`
}

/** The last lines of a report. */
export function summaryText(report: ConformanceReport): string {
  const { passed, failed, notRun, notApplicable } = report.counts
  return `${verdictText(report)}: ${passed} passed, ${failed} failed, ${notRun} not run, ${notApplicable} not applicable.`
}

function verdictText(report: ConformanceReport): string {
  const { executor, level, counts } = report
  if (isConformant(report)) return `${executor} conforms at level ${level}`
  return counts.failed > 0 ? `${executor} does not conform` : `Nothing of ${executor} was proved`
}

const MARKS: Readonly<Record<Outcome['kind'], string>> = {
  passed: 'passed',
  failed: 'FAILED',
  notRun: 'not run',
  notApplicable: 'not applicable',
}
const WIDTH = Math.max(...Object.values(MARKS).map((mark) => mark.length))
