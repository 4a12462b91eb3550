import { taskErrorSchema } from '@fairlead/protocol'
import { z } from 'zod'
import type { FromChild } from './ipc.ts'

/** Parses what a child says. User code lives there, so anything may come; null for what is not ours. */
export function parseChildMessage(message: unknown): FromChild | null {
  const parsed = fromChildSchema.safeParse(message)
  return parsed.success ? parsed.data : null
}

const placeSchema = z.object({
  dagId: z.string().nullable(),
  runId: z.string().nullable(),
  taskId: z.string().nullable(),
  mapIndex: z.int().nullable(),
  key: z.string(),
})

/** What a task said about itself. */
export const taskOutcomeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('success'), returnJson: z.string().nullable() }),
  z.object({ kind: z.literal('failed'), error: taskErrorSchema, isRetryable: z.boolean() }),
  z.object({ kind: z.literal('skipped'), detail: z.string() }),
])

const fromChildSchema: z.ZodType<FromChild> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('preloaded'), problem: z.string().nullable() }),
  z.object({ kind: z.literal('xcomGet'), id: z.int(), address: placeSchema }),
  z.object({ kind: z.literal('xcomSet'), id: z.int(), key: z.string(), json: z.string() }),
  z.object({ kind: z.literal('xcomDelete'), id: z.int(), address: placeSchema }),
  z.object({ kind: z.literal('variableGet'), id: z.int(), key: z.string() }),
  z.object({
    kind: z.literal('variableSet'),
    id: z.int(),
    key: z.string(),
    value: z.string(),
    description: z.string().nullable(),
  }),
  z.object({ kind: z.literal('variableDelete'), id: z.int(), key: z.string() }),
  z.object({ kind: z.literal('connectionGet'), id: z.int(), connectionId: z.string() }),
  z.object({ kind: z.literal('mask'), id: z.int(), secrets: z.array(z.string()) }),
  z.object({ kind: z.literal('hide'), id: z.int(), texts: z.array(z.string()) }),
  z.object({ kind: z.literal('breadcrumbs'), id: z.int() }),
  z.object({ kind: z.literal('outcome'), outcome: taskOutcomeSchema }),
])
