import { expect, it } from 'vitest'
import { inSqliteWords } from './kysely-driver.ts'

it('numbers parameters as SQLite does, and never leaves one bare as a limit', () => {
  expect(inSqliteWords('select a from b where c = $1 limit $12')).toBe(
    'select a from b where c = ?1 limit cast(?12 as integer)',
  )
  expect(inSqliteWords('select a from b limit ? offset ?')).toBe('select a from b limit cast(? as integer) offset ?')
})
