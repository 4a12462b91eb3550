import { isSensitiveName, sensitiveTexts } from '@fairlead/protocol/constants'
import type { Connection, JsonValue } from '@fairlead/sdk'
import { parseConnection, type TaskRuntime } from '@fairlead/sdk/runtime'
import { accept } from './accept-reply.ts'
import type { HostLink } from './host-link.ts'
import { toJson } from './to-json.ts'

/** Variables and connections inside one task: those of its environment first, as in Airflow, then those of the server. */

type Environment = Readonly<Record<string, string | undefined>>

/** Reads and writes variables. */
export function variableClient(host: HostLink, env: Environment): TaskRuntime['variables'] {
  const get = async (key: string): Promise<string | null> => {
    const own = env[`FAIRLEAD_VAR_${key.toUpperCase()}`]
    if (own === undefined) return (await read(host, { kind: 'variableGet', key }, `variable "${key}"`)) as string | null
    if (isSensitiveName(key)) await maskSecrets(host, [own])
    return own
  }
  return {
    get,
    async getJson<T = JsonValue>(key: string) {
      const text = await get(key)
      return text === null ? null : (jsonOf(key, text) as T)
    },
    async set(key, value, options = {}) {
      const text = typeof value === 'string' ? value : toJson(value, `variable "${key}"`)
      const description = options.description ?? null
      accept(
        await host.ask((id) => ({ kind: 'variableSet', id, key, value: text, description })),
        `write variable "${key}"`,
      )
    },
    async delete(key) {
      accept(await host.ask((id) => ({ kind: 'variableDelete', id, key })), `delete variable "${key}"`)
    },
  }
}

/** Reads connections. */
export function connectionReader(host: HostLink, env: Environment): TaskRuntime['connection'] {
  return async (connectionId) => {
    const text = env[`FAIRLEAD_CONN_${connectionId.toUpperCase()}`]
    if (text === undefined) {
      return (await read(
        host,
        { kind: 'connectionGet', connectionId },
        `connection "${connectionId}"`,
      )) as Connection | null
    }
    const connection = parseConnection(connectionId, text)
    await maskSecrets(host, [text, connection.password ?? '', ...sensitiveTexts(connection.extra)])
    return connection
  }
}

/** Resolves when the host hides them: output travels by another way than messages. */
export async function maskSecrets(host: HostLink, secrets: readonly string[]): Promise<void> {
  accept(await host.ask((id) => ({ kind: 'mask', id, secrets })), 'hide secrets')
}

type ReadRequest =
  | { readonly kind: 'variableGet'; readonly key: string }
  | { readonly kind: 'connectionGet'; readonly connectionId: string }

async function read(host: HostLink, request: ReadRequest, what: string): Promise<unknown> {
  const reply = await host.ask((id) => ({ ...request, id }))
  return reply.kind === 'found' ? reply.value : accept(reply, `read ${what}`)
}

function jsonOf(key: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`Variable "${key}" is not JSON. Read it by variables.get, or correct its value.`, { cause })
  }
}
