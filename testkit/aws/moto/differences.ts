import type { Outcome } from '../model/send-request-set.ts'

/** What two places answered differently to the same requests: by operation, then by field. */
export type Differences = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Compares two runs of the request set. A field is a path of the answer, or `error of "title"`. */
export function differencesBetween(ours: readonly Outcome[], theirs: readonly Outcome[]): Differences {
  const differences: Record<string, Record<string, string>> = {}
  for (const [index, our] of ours.entries()) {
    const their = theirs[index]
    if (their === undefined) throw new Error(`"${our.title}" was sent to one of the two alone.`)
    const found = Object.assign((differences[our.operation] ??= {}), differencesOfOutcome(our, their))
    if (Object.keys(found).length === 0) delete differences[our.operation]
  }
  return differences
}

function differencesOfOutcome(our: Outcome, their: Outcome): Record<string, string> {
  if (our.error !== their.error)
    return { [`error of "${our.title}"`]: `double: ${our.error ?? 'none'}, moto: ${their.error ?? 'none'}` }
  const [ourFields, theirFields] = [fieldsOf(our.answer), fieldsOf(their.answer)]
  const names = new Set([...ourFields.keys(), ...theirFields.keys()])
  const differing = [...names].filter((name) => ourFields.get(name) !== theirFields.get(name))
  return Object.fromEntries(
    differing.map((name) => [
      name,
      `double: ${ourFields.get(name) ?? 'absent'}, moto: ${theirFields.get(name) ?? 'absent'}`,
    ]),
  )
}

/** Every leaf of an answer by its path, what is different each time replaced by its kind. */
function fieldsOf(answer: object | null): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  const visit = (value: unknown, path: string): void => {
    if (Array.isArray(value) && value.length > 0) for (const item of value) visit(item, `${path}[]`)
    else if (isPlain(value))
      for (const [name, item] of Object.entries(value)) visit(item, path === '' ? name : `${path}.${name}`)
    else if (value !== undefined) fields.set(path, textOf(value, path))
  }
  const { $metadata: _, ...members } = (answer ?? {}) as Record<string, unknown>
  visit(members, '')
  return fields
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.keys(value).length > 0
  )
}

const TIMES = /(At|Time|Timestamp|timestamp|LastModified|Expiration)$/
const KEYS = /(AccessKeyId|SecretAccessKey|SessionToken|ReceiptHandle|UserId|AssumedRoleId|CodeSha256|RevisionId)$/

function textOf(value: unknown, path: string): string {
  if (value instanceof Date || TIMES.test(path)) return 'a time'
  if (KEYS.test(path)) return 'something of its own'
  if (typeof value !== 'string') return JSON.stringify(value)
  return value
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}/g, '<id>')
    .replace(/127\.0\.0\.1:\d+/g, '<address>')
    .replace(/subnet-\w+/g, '<subnet>')
}
