import type { ServiceModel, Shape, ShapeRef } from './service-model.ts'

/** What is wrong with a value, by the shape that it should have: types, required and unknown members, limits, enums, patterns. */
export function problemsOfValue(
  model: ServiceModel,
  shapeName: string,
  value: unknown,
  path: string,
): readonly string[] {
  const shape = model.shapes[shapeName]
  if (shape === undefined) return [`${path}: the model has no shape ${shapeName}`]
  switch (shape.type) {
    case 'structure':
      return problemsOfStructure(model, shape, value, path)
    case 'list':
      return Array.isArray(value)
        ? [
            ...outside(shape, value.length, `${path}.length`),
            ...value.flatMap((item) => problemsOfValue(model, shape.member.shape, item, `${path}[]`)),
          ]
        : [`${path}: not a list`]
    case 'map':
      return isObject(value)
        ? Object.entries(value).flatMap(([key, item]) => [
            ...problemsOfValue(model, shape.key.shape, key, `${path}{key}`),
            ...problemsOfValue(model, shape.value.shape, item, `${path}.${key}`),
          ])
        : [`${path}: not a map`]
    default:
      return problemsOfScalar(shape, value, path)
  }
}

/** A member's name on the wire. */
export function wireName(name: string, { locationName }: ShapeRef): string {
  return locationName ?? name
}

function problemsOfStructure(
  model: ServiceModel,
  { members, required = [] }: Shape & { type: 'structure' },
  value: unknown,
  path: string,
): readonly string[] {
  if (!isObject(value)) return [`${path}: not an object`]
  const byWireName = new Map(Object.entries(members).map(([name, ref]) => [wireName(name, ref), ref]))
  const missing = required
    .map((name) => wireName(name, members[name] ?? { shape: '' }))
    .filter((name) => value[name] === undefined)
  return [
    ...missing.map((name) => `${path}.${name}: required`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const ref = byWireName.get(name)
      return ref === undefined
        ? [`${path}.${name}: unknown`]
        : problemsOfValue(model, ref.shape, item, `${path}.${name}`)
    }),
  ]
}

function problemsOfScalar(
  shape: Exclude<Shape, { type: 'structure' | 'list' | 'map' }>,
  value: unknown,
  path: string,
): readonly string[] {
  switch (shape.type) {
    case 'string':
      return typeof value === 'string' ? problemsOfString(shape, value, path) : [`${path}: not a string`]
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path}: not a boolean`]
    case 'integer':
    case 'long':
      return Number.isInteger(value) ? outside(shape, Number(value), path) : [`${path}: not a whole number`]
    case 'float':
    case 'double':
      return typeof value === 'number' ? outside(shape, value, path) : [`${path}: not a number`]
    case 'timestamp':
      return isTime(value) ? [] : [`${path}: not a time`]
    case 'blob':
      return typeof value === 'string' ? [] : [`${path}: not bytes`]
    default:
      return shape satisfies never
  }
}

function problemsOfString(shape: Shape & { type: 'string' }, value: string, path: string): readonly string[] {
  const isListed = shape.enum === undefined || shape.enum.includes(value)
  return [
    ...(isListed ? [] : [`${path}: "${value}" is not one of ${shape.enum.join(', ')}`]),
    ...(isMatch(shape.pattern, value) ? [] : [`${path}: "${value}" does not match ${shape.pattern ?? ''}`]),
    ...outside(shape, value.length, `${path}.length`),
  ]
}

function isMatch(pattern: string | undefined, value: string): boolean {
  return pattern === undefined || new RegExp(`^(?:${pattern})$`, flagsFor(pattern)).test(value)
}

/** Classes of Unicode need their flag, which refuses escapes that other patterns of the models are full of. */
function flagsFor(pattern: string): string {
  return pattern.includes('\\p{') ? 'su' : 's'
}

function outside({ min, max }: Shape, size: number, path: string): readonly string[] {
  return size < (min ?? Number.NEGATIVE_INFINITY) || size > (max ?? Number.POSITIVE_INFINITY)
    ? [`${path}: ${size} is not between ${min ?? ''} and ${max ?? ''}`]
    : []
}

/** Seconds since the epoch, as JSON protocols write it, or ISO 8601, as the query protocol does. */
function isTime(value: unknown): boolean {
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
  return typeof value === 'number' && value > 1e9 && value < 1e10
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
