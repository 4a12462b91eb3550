/** What a line of the audit log says in its detail. */
export interface LineFacts {
  readonly cause: string | null
  readonly executor: string | null
  readonly queue: string | null
  readonly pool: string | null
}

/** The facts in the JSON of a line; null for each that it does not tell. */
export function factsIn(detail: string | null): LineFacts {
  const facts = detail === null ? {} : (JSON.parse(detail) as Readonly<Record<string, unknown>>)
  const text = (name: string): string | null => {
    const value = facts[name]
    return typeof value === 'string' ? value : null
  }
  return { cause: text('cause'), executor: text('executor'), queue: text('queue'), pool: text('pool') }
}
