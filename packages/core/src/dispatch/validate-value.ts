import type { StandardResult, StandardSchema } from '@fairlead/executor'
import { messageOf } from '../model/message-of.ts'

/** What a schema says of a value. The problem names the path inside it. */
export type Validated =
  | { readonly kind: 'valid'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly problem: string }

/** Has an executor's schema judge a value. A schema that throws judges nothing, so the value counts as invalid. */
export async function validateValue(schema: StandardSchema, value: unknown): Promise<Validated> {
  try {
    const result = await schema['~standard'].validate(value)
    if (result.issues === undefined) return { kind: 'valid', value: result.value }
    return { kind: 'invalid', problem: result.issues.map(sentence).join('; ') }
  } catch (error) {
    return { kind: 'invalid', problem: `its schema threw ${messageOf(error)}` }
  }
}

function sentence({ path = [], message }: NonNullable<StandardResult['issues']>[number]): string {
  const place = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return place === '' ? message : `${place}: ${message}`
}
