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
  readonly unit?: string | null
  readonly isSensitive?: boolean
}

/** A key that holds any text. */
export const text = (fallback: string, about: string, details: Details = {}): Key<string> =>
  keyOf({ type: 'string', schema: z.string(), fromText: (raw) => raw }, fallback, about, details)

/** A key that holds text or nothing; an empty environment variable means nothing. */
export const optionalText = (about: string): Key<string | null> =>
  keyOf(
    { type: 'string or null', schema: z.string().min(1).nullable(), fromText: (raw) => (raw === '' ? null : raw) },
    null,
    about,
  )

/** A key that holds a secret of at least so many characters, or nothing. */
export const secretText = (atLeast: number, about: string): Key<string | null> =>
  keyOf(
    {
      type: 'string or null',
      schema: z.string().min(atLeast).nullable(),
      fromText: (raw) => (raw === '' ? null : raw),
    },
    null,
    about,
    { isSensitive: true },
  )

/** A key that holds a whole number of at least `min`. */
export const integer = (fallback: number, unit: string, about: string, min = 0): Key<number> =>
  keyOf({ type: 'integer', schema: z.int().min(min), fromText: numberOf }, fallback, about, { unit })

/** A key that holds a duration in seconds; fractions are welcome. */
export const seconds = (fallback: number, about: string): Key<number> =>
  keyOf({ type: 'number', schema: z.number().min(0), fromText: numberOf }, fallback, about, { unit: 'seconds' })

/** A key that is on or off. */
export const flag = (fallback: boolean, about: string): Key<boolean> =>
  keyOf({ type: 'boolean', schema: z.boolean(), fromText: (raw) => FLAGS[raw.toLowerCase()] ?? raw }, fallback, about)

/** A key that holds one of a few words. */
export const choice = <const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: T[number],
  about: string,
): Key<T[number]> =>
  keyOf({ type: values.join(' | '), schema: z.enum(values), fromText: (raw) => raw }, fallback, about)

const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
}

function numberOf(raw: string): unknown {
  return raw.trim() === '' ? raw : Number(raw)
}

function keyOf<T>(
  { type, schema, fromText }: Pick<Key<T>, 'type' | 'schema' | 'fromText'>,
  fallback: T,
  about: string,
  { unit = null, isSensitive = false }: Details = {},
): Key<T> {
  return { type, schema, fromText, fallback, about, unit, isSensitive }
}
