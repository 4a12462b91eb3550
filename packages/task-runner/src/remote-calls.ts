import {
  bundleManifestSchema,
  logReceiptSchema,
  remoteWorkloadSchema,
  type BundleManifest,
  type RemoteWorkload,
} from '@fairlead/protocol'
import type { Writable } from 'node:stream'
import { z } from 'zod'
import type { ApiAnswer } from './api-transport.ts'
import {
  refusalOf,
  type CallOptions,
  type FoundAnswer,
  type Refusal,
  type TaskSession,
} from './execution-api-client.ts'

/** Calls that a worker makes that was told an id and a ticket alone. */

/** The workload of a dispatch. It redeems nothing. */
export async function fetchWorkload(
  session: TaskSession,
  dispatchId: string,
  options: CallOptions,
): Promise<FoundAnswer<RemoteWorkload>> {
  const path = `/execution/workloads/${encodeURIComponent(dispatchId)}`
  return found(await session.call({ method: 'GET', path }, options), remoteWorkloadSchema, path)
}

/** What is in a bundle. */
export async function fetchBundleManifest(
  session: TaskSession,
  hash: string,
  options: CallOptions,
): Promise<FoundAnswer<BundleManifest>> {
  const path = `/execution/bundles/${encodeURIComponent(hash)}`
  return found(await session.call({ method: 'GET', path }, options), bundleManifestSchema, path)
}

/** One file of a bundle, into what `sink` makes. */
export async function fetchBundleFile(
  session: TaskSession,
  { hash, path, sink }: { readonly hash: string; readonly path: string; readonly sink: () => Writable },
  options: CallOptions,
): Promise<FoundAnswer<null>> {
  const file = path.split('/').map(encodeURIComponent).join('/')
  const url = `/execution/bundles/${encodeURIComponent(hash)}/files/${file}`
  const answer = await session.call({ method: 'GET', path: url, sink }, options)
  return answer.kind === 'answered' && answer.status === 200 ? { kind: 'found', value: null } : refused(answer, url)
}

/** What came of a piece of log: how much of it the server has, or why it takes no more. */
export type LogAnswer = { readonly kind: 'taken'; readonly size: number } | { readonly kind: 'full' } | Refusal

/** Sends a piece of the task's log that begins at `offset`. */
export async function sendLog(
  session: TaskSession,
  { taskInstanceId, offset, bytes }: { taskInstanceId: string; offset: number; bytes: Buffer },
  options: CallOptions,
): Promise<LogAnswer> {
  const path = `/execution/task-instances/${encodeURIComponent(taskInstanceId)}/log?offset=${offset}`
  const contentType = 'application/octet-stream'
  const answer = await session.call({ method: 'PUT', path, body: bytes, contentType }, options)
  if (answer.kind !== 'answered') return refusalOf(answer)
  const receipt = logReceiptSchema.safeParse(answer.body)
  if (answer.status === 200 && receipt.success) return { kind: 'taken', size: receipt.data.size }
  const gap = gapSchema.safeParse(answer.body)
  if (answer.status === 409 && gap.success) return { kind: 'taken', size: gap.data.detail.size }
  return answer.status === 413 ? { kind: 'full' } : refusalOf(answer)
}

const gapSchema = z.object({ detail: z.object({ reason: z.literal('log_gap'), size: z.int().min(0) }) })

function found<T>(answer: ApiAnswer, schema: z.ZodType<T>, path: string): FoundAnswer<T> {
  if (answer.kind !== 'answered' || answer.status !== 200) return refused(answer, path)
  const parsed = schema.safeParse(answer.body)
  if (parsed.success) return { kind: 'found', value: parsed.data }
  return { kind: 'unavailable', detail: `the answer to GET ${path} is not that of a Fairlead server` }
}

/** A 404 that is not in the API's words is somebody else's: a proxy, or another server at this address. */
function refused(answer: ApiAnswer, path: string): Refusal {
  const isOurs = answer.kind !== 'answered' || refusalSchema.safeParse(answer.body).success
  if (isOurs || answer.status !== 404) return withMessage(refusalOf(answer), answer)
  return { kind: 'unavailable', detail: `nobody at this address knows ${path}: is it the address of a Fairlead API?` }
}

const refusalSchema = z.object({ detail: z.object({ reason: z.string(), message: z.string() }) })

function withMessage(refusal: Refusal, answer: ApiAnswer): Refusal {
  if (refusal.kind !== 'notFound' || answer.kind !== 'answered') return refusal
  const said = refusalSchema.safeParse(answer.body)
  return said.success ? { kind: 'refused', reason: 'rejected', message: said.data.detail.message } : refusal
}
