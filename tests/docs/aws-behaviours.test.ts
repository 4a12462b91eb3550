import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = process.cwd()

/** Rows of the studies of Airflow's executors, by page. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  ecs: [
    ...numbered('1.7 #', [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26, 27]),
    ...numbered('1 D', upTo(25)),
    ...numbered('12.', upTo(12)),
  ],
  batch: [
    ...numbered('2.7 #', [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 21, 22]),
    ...numbered('2 D', upTo(14)),
    ...numbered('12.', upTo(12)),
  ],
  lambda: [
    ...numbered('3.7 #', [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 21, 22, 23]),
    ...numbered('3.8 #', [53_990, 54_042, 53_994, 53_396]),
    ...numbered('3 D', upTo(10)),
    ...numbered('12.', upTo(12)),
  ],
}

it.each(Object.entries(ROWS))(
  'every behaviour of the executor of %s is shown by a test, or its absence explained',
  (page, wanted) => {
    const rows = rowsOf(readFileSync(join(root, `docs/reference/aws-behaviours/${page}.md`), 'utf8'))
    expect(rows.map(({ row }) => row)).toEqual(wanted)
    for (const { row, here } of rows) {
      const proofs = [...here.matchAll(/`([^`]+\.ts)`: ([^|]+?)(?=<br>|$)/g)]
      expect(proofs.length, `Row ${row} names no test.`).toBeGreaterThan(0)
      for (const [, file = '', title = ''] of proofs) {
        const source = readFileSync(join(root, file), 'utf8')
        expect(source.includes(`'${title.replaceAll("'", "\\'")}'`), `Row ${row}: ${file} has no "${title}".`).toBe(
          true,
        )
      }
    }
  },
)

function rowsOf(page: string): ReadonlyArray<{ readonly row: string; readonly here: string }> {
  return [...page.matchAll(/^\| ([\d.]+[^|]*?) +\| [^|]+ \| ([^|]+?) +\|$/gm)].map(([, row = '', here = '']) => ({
    row,
    here,
  }))
}

function numbered(prefix: string, numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => `${prefix}${number}`)
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}
