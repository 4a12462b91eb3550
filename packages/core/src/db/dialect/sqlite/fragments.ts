import type { RowColumns, SqlFragments } from '../dialect.ts'

/** SQLite's text. One writer holds the whole database, so there are no row locks to ask for. */
export const sqliteFragments: SqlFragments = {
  name: 'sqlite',
  bigint: 'integer',
  identity: 'integer primary key autoincrement',
  // An embedded database has one owner.
  oneAtATime: 'select 1',
  updatedInPlace: '',
  rows: (parameter: number, columns: RowColumns) => {
    const list = Object.keys(columns).map((column, index) => `value->>${index} as ${column}`)
    return `(select ${list.join(', ')} from json_each($${parameter}))`
  },
  forUpdate: () => '',
  skipLocked: () => '',
  takeTurn: () => '1',
}
