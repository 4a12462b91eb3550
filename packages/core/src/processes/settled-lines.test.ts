import { expect, it } from 'vitest'
import { settledLines } from './settled-lines.ts'

const line = (seq: number, at: number) => ({ seq, at })

it.each([
  ['takes what follows without a gap', [line(6, 99_000), line(7, 99_500)], [6, 7]],
  ['stops at a young gap, which may yet be filled', [line(6, 99_000), line(8, 99_500)], [6]],
  ['waits for what comes right after its place', [line(7, 99_500)], []],
  ['passes an old gap, which a rolled back transaction left', [line(7, 80_000), line(8, 99_500)], [7, 8]],
  ['answers nothing of nothing', [], []],
])('%s', (_what, lines, expected) => {
  expect(settledLines(lines, 5, 100_000).map(({ seq }) => seq)).toEqual(expected)
})
