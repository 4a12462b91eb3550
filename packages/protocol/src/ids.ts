import { z } from 'zod'

/** Branded ids: a `DispatchId` cannot be passed where a `TaskInstanceId` is wanted. */

/** Id of one try of one task instance (UUIDv7). Each try has its own. */
export const taskInstanceIdSchema = z.uuid().brand('TaskInstanceId')
/** See {@link taskInstanceIdSchema}. */
export type TaskInstanceId = z.infer<typeof taskInstanceIdSchema>

/** Id of one hand-over to an executor (UUIDv7), minted where the work is queued. The idempotency key everywhere. */
export const dispatchIdSchema = z.uuid().brand('DispatchId')
/** See {@link dispatchIdSchema}. */
export type DispatchId = z.infer<typeof dispatchIdSchema>

/** Id of a callback row (UUIDv7). */
export const callbackIdSchema = z.uuid().brand('CallbackId')
/** See {@link callbackIdSchema}. */
export type CallbackId = z.infer<typeof callbackIdSchema>
