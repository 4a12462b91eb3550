/**
 * A value as JSON text. Throws, naming the place, where JSON would drop or change what the value holds; what says by
 * `toJSON` how it travels (a Date) is taken at its word.
 */
export function toJson(value: unknown, what: string): string {
  const json = JSON.stringify(value, function (this: unknown, key: string, item: unknown) {
    const problem = problemOf(item)
    if (problem !== null) throw new TypeError(`${key === '' ? what : `"${key}" in ${what}`} ${problem}`)
    return item
  })
  if (json === undefined) throw new TypeError(`${what} is undefined`)
  return json
}

function problemOf(item: unknown): string | null {
  switch (typeof item) {
    case 'number':
      return Number.isFinite(item) ? null : `is ${item}, which JSON has no number for`
    case 'bigint':
    case 'function':
    case 'symbol':
      return `is a ${typeof item}`
    case 'object':
      return item === null || isPlain(item) ? null : `is an instance of ${item.constructor?.name ?? 'a class'}`
    default:
      return null
  }
}

/** Arrays and objects of any realm whose prototype is the last or the one before it. */
function isPlain(item: object): boolean {
  if (Array.isArray(item)) return true
  const prototype: unknown = Object.getPrototypeOf(item)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
