import { dispatchIdSchema, executeTaskSchema, workloadExitSchema } from '@fairlead/protocol'
import { z } from 'zod'

/**
 * What an executor and its worker host say to one another: NDJSON over a Unix socket. The executor calls and the host
 * answers under the same id; events come without one.
 */

/** Version of these messages. A host of another version is ended and replaced. */
export const CONTROL_VERSION = 2

/** A workload that the host knows: on its way, running, or ended and not acknowledged. */
export const heldWorkloadSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), dispatchId: dispatchIdSchema }),
  z.object({ kind: z.literal('running'), dispatchId: dispatchIdSchema, pid: z.int() }),
  z.object({
    kind: z.literal('ended'),
    dispatchId: dispatchIdSchema,
    pid: z.int().nullable(),
    exit: workloadExitSchema,
  }),
])
/** See {@link heldWorkloadSchema}. */
export type HeldWorkload = z.infer<typeof heldWorkloadSchema>

/** What an executor may ask. */
export const hostCallSchema = z.discriminatedUnion('kind', [
  /** Says hello; events follow on this connection, as on every other that attached: whose work it is, executors know. */
  z.object({ kind: z.literal('attach'), version: z.int() }),
  /** Accepts a workload; the same dispatch id again changes nothing. */
  z.object({ kind: z.literal('submit'), workload: executeTaskSchema }),
  /** Ends a workload; answered when nothing of it lives. */
  z.object({ kind: z.literal('cancel'), dispatchId: dispatchIdSchema, detail: z.string() }),
  /** The ends of these workloads are known for good. */
  z.object({ kind: z.literal('acknowledge'), dispatchIds: z.array(dispatchIdSchema) }),
  /** A bundle that tasks will soon need. */
  z.object({ kind: z.literal('prewarm'), bundleHash: z.string() }),
  z.object({ kind: z.literal('list') }),
  z.object({ kind: z.literal('status') }),
  /**
   * The executor goes. Where another one is attached, only the named work ends, and the rest is the other's to adopt;
   * else all work ends, and once that is answered the host.
   */
  z.object({ kind: z.literal('leave'), detail: z.string(), dispatchIds: z.array(dispatchIdSchema) }),
  /** Ends all work and, once that is answered, the host, whoever else is attached. */
  z.object({ kind: z.literal('shutdown'), detail: z.string() }),
])
/** See {@link hostCallSchema}. */
export type HostCall = z.infer<typeof hostCallSchema>

/** A call on its way. */
export const hostRequestSchema = z.object({ id: z.int(), call: hostCallSchema })

/** What the host is doing. */
export const hostStatusSchema = z.object({
  kind: z.literal('status'),
  pid: z.int(),
  active: z.int(),
  unacknowledged: z.int(),
  spares: z.int(),
  preloadedSpares: z.int(),
  startingSpares: z.int(),
  rssBytes: z.int(),
})

/** What the host answers. */
export const hostAnswerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('attached'), version: z.int(), pid: z.int(), held: z.array(heldWorkloadSchema) }),
  z.object({ kind: z.literal('done') }),
  z.object({ kind: z.literal('held'), held: z.array(heldWorkloadSchema) }),
  hostStatusSchema,
  z.object({ kind: z.literal('problem'), message: z.string() }),
])
/** See {@link hostAnswerSchema}. */
export type HostAnswer = z.infer<typeof hostAnswerSchema>

/** What the host says: an answer, or an event of its own accord. */
export const hostMessageSchema = z.union([
  z.object({ id: z.int(), answer: hostAnswerSchema }),
  z.object({ event: heldWorkloadSchema }),
])
/** See {@link hostMessageSchema}. */
export type HostMessage = z.infer<typeof hostMessageSchema>
