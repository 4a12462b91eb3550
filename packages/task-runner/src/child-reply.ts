import type { CallAnswer, FoundAnswer, Refusal } from './execution-api-client.ts'
import type { HostReply, ToChild } from './ipc.ts'

/** The message that answers a child's request. */
export type ChildReply = Extract<ToChild, { kind: 'reply' }>

/** The answer to the request with this id. */
export const reply = (id: number, answer: HostReply): ChildReply => ({ kind: 'reply', id, answer })

/** What was read, as the child hears of it. */
export function readReply(answered: FoundAnswer<unknown>): HostReply {
  if (answered.kind === 'found') return { kind: 'found', value: answered.value }
  return answered.kind === 'notFound' ? { kind: 'none' } : { kind: 'problem', message: problemOf(answered) }
}

/** What was written, as the child hears of it. */
export function writeReply(answered: CallAnswer): HostReply {
  if (answered.kind === 'done' || answered.kind === 'notFound') return { kind: 'done' }
  return { kind: 'problem', message: problemOf(answered) }
}

function problemOf(answered: Exclude<Refusal, { kind: 'notFound' }>): string {
  switch (answered.kind) {
    case 'archived':
      return 'the attempt of this task is over'
    case 'refused':
      return answered.message
    case 'unavailable':
      return `the server could not be reached: ${answered.detail}`
  }
}
