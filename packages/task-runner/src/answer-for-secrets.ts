import { isSensitiveName, sensitiveTexts, type ConnectionResponse } from '@fairlead/protocol'
import type { Connection } from '@fairlead/sdk'
import { readReply, reply, writeReply, type ChildReply } from './child-reply.ts'
import type { CallOptions, FoundAnswer, TaskSession } from './execution-api-client.ts'
import type { FromChild, HostReply } from './ipc.ts'
import type { SecretMask } from './secret-mask.ts'

/** Reads and writes variables and connections for a child. Null for a message about anything else. */
export async function answerForSecrets(
  message: FromChild,
  { session, options, mask }: { session: TaskSession; options: CallOptions; mask: SecretMask },
): Promise<ChildReply | null> {
  switch (message.kind) {
    case 'variableGet': {
      const answered = await session.getVariable(message.key, options)
      if (answered.kind === 'found') maskVariable(message.key, answered.value, mask)
      return reply(message.id, readReply(answered))
    }
    case 'variableSet': {
      const { key, value, description } = message
      maskVariable(key, value, mask)
      return reply(message.id, writeReply(await session.setVariable(key, { val: value, description }, options)))
    }
    case 'variableDelete':
      return reply(message.id, writeReply(await session.deleteVariable(message.key, options)))
    case 'connectionGet':
      return reply(message.id, connectionReply(await session.getConnection(message.connectionId, options), mask))
    case 'mask':
      for (const secret of message.secrets) mask.add(secret)
      return reply(message.id, { kind: 'done' })
    case 'hide':
      return reply(message.id, { kind: 'found', value: message.texts.map((text) => mask.hide(text)) })
    default:
      return null
  }
}

/** The secrets are hidden before the child has them. */
function connectionReply(answered: FoundAnswer<ConnectionResponse>, mask: SecretMask): HostReply {
  if (answered.kind !== 'found') return readReply(answered)
  const { conn_id: connectionId, conn_type: connType, host, login, password, schema, port } = answered.value
  const extra = objectOf(answered.value.extra)
  for (const secret of [password ?? '', ...sensitiveTexts(extra)]) mask.add(secret)
  const description = answered.value.description ?? null
  const connection: Connection = { connectionId, connType, description, host, login, password, schema, port, extra }
  return { kind: 'found', value: connection }
}

function objectOf(json: string | null): Connection['extra'] {
  const value: unknown = JSON.parse(json ?? '{}')
  return typeof value === 'object' && value !== null ? (value as Connection['extra']) : {}
}

function maskVariable(key: string, value: string, mask: SecretMask): void {
  if (isSensitiveName(key)) mask.add(value)
  try {
    for (const secret of sensitiveTexts(JSON.parse(value))) mask.add(secret)
  } catch {
    // A plain text.
  }
}
