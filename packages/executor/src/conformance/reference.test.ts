import { expect, it } from 'vitest'
import { invariantsOf } from './run-conformance.ts'
import { INVARIANTS, FUTURE_INVARIANTS } from './invariants/index.ts'

const GROUPS: ReadonlyArray<readonly [digit: string, title: string]> = [
  ['1', 'The class, and an instance that was never started'],
  ['2', 'Start, turns and end'],
  ['3', 'Running tasks, and what is handed over'],
  ['4', 'Events'],
  ['5', 'Slots and order'],
  ['6', 'Revoking'],
  ['7', 'Adopting'],
  ['8', 'Secrets'],
  ['9', 'The outside, and what is to come'],
]

it('the reference page of the invariants lists them all', async () => {
  await expect(page()).toMatchFileSnapshot('../../../../docs/reference/conformance.md')
})

it('no id is given twice, and each is in the group of its first digit', () => {
  const ids = [...INVARIANTS, ...FUTURE_INVARIANTS].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => /^FX-[1-9]\d\d$/.test(id))).toBe(true)
})

it('every sentence ends as one, and says where it comes from', () => {
  for (const { id, sentence, sources } of invariantsOf('full')) {
    expect(sentence, id).toMatch(/^([A-Z]|\w+\(\)).*\.$/)
    expect(sources, id).not.toEqual([])
  }
})

function page(): string {
  const all = invariantsOf('full')
  const sections = GROUPS.flatMap(([digit, title]) => [
    `## ${title}`,
    '',
    '| id | what holds | level | asked of | hooks | sources |',
    '| --- | --- | --- | --- | --- | --- |',
    ...all.filter(({ id }) => id.startsWith(`FX-${digit}`)).map(row),
    '',
  ])
  return [HEAD, ...sections].join('\n')
}

function row(invariant: ReturnType<typeof invariantsOf>[number]): string {
  const { id, sentence, level, sources } = invariant
  const isFuture = 'waitsFor' in invariant
  const asked = isFuture ? `nobody yet: ${invariant.waitsFor}` : (invariant.claims ?? []).join(', ') || 'all'
  const hooks = isFuture ? '' : (invariant.hooks ?? []).map((hook) => `\`${hook}\``).join(', ')
  return `| ${id} | ${sentence} | ${level} | ${asked} | ${hooks} | ${sources.join(', ')} |`
}

const HEAD = `# Invariants of the executor contract

Written by \`packages/executor/src/conformance/reference.test.ts\`; run it with \`--update\` to write this page again.

What [certifying an executor](../guide/certify-an-executor.md) tries. An id is never given to another invariant. _Asked
of_ names the claims of a class that an invariant needs (\`adoption\` is \`supportsAdoption\`, \`revoke\` is
\`supportsCancel\`, \`taskLog\` is \`servesLiveLogs\`); of a class without them it is _not applicable_. Without one of its
_hooks_ it is _not run_. _Sources_: \`contract\` is the executor contract itself; \`13.6 #n\`, \`8.n #n\`, \`W n\` and
\`providers n\` are rows of the studies of Airflow's executors from which the kit was made.
`
