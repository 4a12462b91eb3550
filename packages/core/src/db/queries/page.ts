import { sql, type Expression, type SqlBool } from 'kysely'

/** One page of a list, as the REST API asks for it: names to order by may carry a minus for descending. */
export interface Page {
  readonly limit: number
  readonly offset: number
  readonly orderBy: readonly string[]
}

/** A page's rows and how many there are in all. */
export interface Paged<Row> {
  readonly rows: readonly Row[]
  readonly total: number
}

/** The columns and directions of a page, given the names that a list can be ordered by. Unknown names are dropped. */
export function orderTerms<Column extends string>(
  page: Page,
  columns: Readonly<Record<string, Column>>,
): ReadonlyArray<readonly [Column, 'asc' | 'desc']> {
  return page.orderBy.flatMap((name) => {
    const isDescending = name.startsWith('-')
    const column = columns[isDescending ? name.slice(1) : name]
    return column === undefined ? [] : [[column, isDescending ? 'desc' : 'asc'] as const]
  })
}

/** Airflow's `…_pattern`: SQL LIKE without regard to case, alternatives separated by `|`. */
export function matchesPattern(column: Expression<string>, pattern: string): Expression<SqlBool> {
  const alternatives = pattern.split('|').map((part) => part.trim().toLowerCase())
  return sql<SqlBool>`(${sql.join(
    alternatives.map((part) => sql`lower(${column}) like ${part}`),
    sql` or `,
  )})`
}

/** The number of a `count(*)`, whatever the driver made of it. */
export function totalOf(row: { total: unknown } | undefined): number {
  return Number(row?.total ?? 0)
}
