import { z } from 'zod'

/** One configuration key: its type, default, unit and the sentence that documents it. */
export interface Key<T> {
  readonly type: string
  readonly schema: z.ZodType<T>
  readonly fallback: T
  readonly unit: string | null
  readonly about: string
  /** Shown as hidden by every command and route. */
  readonly isSensitive: boolean
  /** Turns the text of an environment variable into a value for the schema. */
  fromText(text: string): unknown
}

interface Details {
  readonly unit?: string
  readonly isSensitive?: boolean
}

/** A key that holds any text. */
export const text = (fallback: string, about: string, details: Details = {}): Key<string> =>
  keyOf('string', z.string(), fallback, about, details, (raw) => raw)

/** A key that holds text or nothing; an empty environment variable means nothing. */
export const optionalText = (about: string, details: Details = {}): Key<string | null> =>
  keyOf('string or null', z.string().min(1).nullable(), null, about, details, (raw) => (raw === '' ? null : raw))

/** A key that holds a whole number of at least `min`. */
export const integer = (fallback: number, unit: string, about: string, min = 0): Key<number> =>
  keyOf('integer', z.int().min(min), fallback, about, { unit }, numberOf)

/** A key that holds a duration in seconds; fractions are welcome. */
export const seconds = (fallback: number, about: string): Key<number> =>
  keyOf('number', z.number().min(0), fallback, about, { unit: 'seconds' }, numberOf)

/** A key that is on or off. */
export const flag = (fallback: boolean, about: string): Key<boolean> =>
  keyOf('boolean', z.boolean(), fallback, about, {}, (raw) => FLAGS[raw.toLowerCase()] ?? raw)

/** A key that holds one of a few words. */
export const choice = <const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: T[number],
  about: string,
): Key<T[number]> => keyOf(values.join(' | '), z.enum(values), fallback, about, {}, (raw) => raw)

const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
}

const numberOf = (raw: string): unknown => (raw.trim() === '' ? raw : Number(raw))

function keyOf<T>(
  type: string,
  schema: z.ZodType<T>,
  fallback: T,
  about: string,
  details: Details,
  fromText: (raw: string) => unknown,
): Key<T> {
  return {
    type,
    schema,
    fallback,
    about,
    unit: details.unit ?? null,
    isSensitive: details.isSensitive ?? false,
    fromText,
  }
}
