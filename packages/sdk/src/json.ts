/** What travels between tasks: anything that JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }

/** What the next task receives when a handler returns a `T`: JSON turns a Date into a string and drops functions. */
export type JsonOf<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : T extends string | number | boolean | null | undefined | void
      ? T
      : T extends { toJSON(): infer U }
        ? JsonOf<U>
        : T extends
              | bigint
              | symbol
              | ((...args: never) => unknown)
              | ReadonlyMap<unknown, unknown>
              | ReadonlySet<unknown>
          ? never
          : T extends readonly unknown[]
            ? { [I in keyof T]: JsonOf<T[I]> }
            : { [K in keyof T]: JsonOf<T[K]> }

/** Where and why a value cannot travel as JSON, or null when it can. `path` names the value in the answer. */
export function jsonProblem(value: unknown, path: string, ancestors: readonly object[] = []): string | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null
    case 'number':
      return Number.isFinite(value) ? null : `${path} is ${value}, which JSON has no number for`
    case 'object':
      return value === null ? null : objectProblem(value, path, ancestors)
    case 'undefined':
      return `${path} is undefined; use null`
    default:
      return `${path} is a ${typeof value}`
  }
}

function objectProblem(value: object, path: string, ancestors: readonly object[]): string | null {
  if (ancestors.includes(value)) return `${path} contains itself`
  const inside = [...ancestors, value]
  if (Array.isArray(value)) {
    return firstProblem(
      value.map((item, index) => [`${path}[${index}]`, item] as const),
      inside,
    )
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return `${path} is an instance of ${value.constructor?.name ?? 'a class'}, not a plain object`
  }
  const present = Object.entries(value).filter(([, item]) => item !== undefined)
  return firstProblem(
    present.map(([key, item]) => [`${path}.${key}`, item] as const),
    inside,
  )
}

function firstProblem(items: readonly (readonly [string, unknown])[], ancestors: readonly object[]): string | null {
  for (const [path, item] of items) {
    const problem = jsonProblem(item, path, ancestors)
    if (problem !== null) return problem
  }
  return null
}
