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
  if (typeof item === 'number') return Number.isFinite(item) ? null : `is ${item}, which JSON has no number for`
  if (typeof item === 'bigint' || typeof item === 'function' || typeof item === 'symbol') return `is a ${typeof item}`
  if (typeof item !== 'object' || item === null || isPlain(item)) return null
  return `is an instance of ${item.constructor.name}, not plain data`
}

/** Arrays and objects of any realm whose prototype is the last or the one before it. */
function isPlain(item: object): boolean {
  if (Array.isArray(item)) return true
  const prototype: unknown = Object.getPrototypeOf(item)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
