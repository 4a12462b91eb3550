import type { HostReply } from '../ipc.ts'

/** Throws what the host could not do; null otherwise. */
export function accept(reply: HostReply, what: string): null {
  if (reply.kind === 'problem') throw new Error(`Could not ${what}: ${reply.message}`)
  return null
}
