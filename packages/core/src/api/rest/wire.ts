import { z } from 'zod'
import { ApiProblem } from '../problem.ts'
import type { Page } from '../../db/queries/page.ts'

/** The words that many routes share: moments, pages and repeated parameters on the wire. */

/** A moment in an answer: ISO 8601, or null. */
export const wireMoment: z.ZodNullable<z.ZodString> = z.string().nullable()

/** Milliseconds since the epoch as ISO 8601. */
export function isoOf(ms: number): string
export function isoOf(ms: number | null): string | null
export function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** Seconds between two moments, or null while one is missing. */
export function durationOf(start: number | null, end: number | null): number | null {
  return start === null || end === null ? null : (end - start) / 1000
}

/** A moment in a request, as milliseconds since the epoch. */
export const momentParameter = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)), 'must be an ISO 8601 date and time')
  .transform((text) => Date.parse(text))

/** A parameter that may be given more than once. */
export const repeated = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(item).optional())

/** A truth value in a query. */
export const flagParameter = z
  .enum(['true', 'false', 'True', 'False', '1', '0'])
  .transform((text) => /^(true|1)$/i.test(text))

/** Parameters of every list. */
export const pageParameters = {
  limit: z.coerce.number().int().min(0).default(50),
  offset: z.coerce.number().int().min(0).default(0),
  order_by: repeated(z.string()),
}

/** The page that was asked for, within bounds. A name that the list cannot be ordered by is refused with those it can. */
export function pageOf(
  query: { limit: number; offset: number; order_by?: string[] | undefined },
  order: { readonly columns: Readonly<Record<string, unknown>>; readonly fallback: string },
  maximum: number,
): Page {
  const names = query.order_by ?? [order.fallback]
  for (const name of names) {
    if (!(name.replace(/^-/, '') in order.columns)) {
      throw new ApiProblem('BAD_REQUEST', `This list cannot be ordered by "${name}".`, {
        remedy: `Order by one of: ${Object.keys(order.columns).join(', ')}; a minus before it reverses.`,
      })
    }
  }
  return { limit: Math.min(query.limit, maximum), offset: query.offset, orderBy: names }
}

/** The four bounds of a moment as query parameters. */
export const spanParameters = <const N extends string>(name: N) =>
  ({
    [`${name}_gte`]: momentParameter.optional(),
    [`${name}_gt`]: momentParameter.optional(),
    [`${name}_lte`]: momentParameter.optional(),
    [`${name}_lt`]: momentParameter.optional(),
  }) as Record<`${N}_${'gte' | 'gt' | 'lte' | 'lt'}`, z.ZodOptional<typeof momentParameter>>

/** The bounds as the queries take them. */
export function spanOf<N extends string>(
  query: Partial<Record<`${N}_${'gte' | 'gt' | 'lte' | 'lt'}`, number | undefined>>,
  name: N,
): { gte: number | undefined; gt: number | undefined; lte: number | undefined; lt: number | undefined } {
  return { gte: query[`${name}_gte`], gt: query[`${name}_gt`], lte: query[`${name}_lte`], lt: query[`${name}_lt`] }
}

/** `~` in a path stands for any. */
export function anyOf(segment: string): string | null {
  return segment === '~' ? null : segment
}
