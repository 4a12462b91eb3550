import type { HostLink } from './host-link.ts'

/** The event with every text as the task's log would show it: the host knows the secrets of the task. */
export async function withoutSecretsOfTask(event: unknown, host: HostLink): Promise<unknown> {
  const texts: string[] = []
  mapTexts(event, (text) => {
    texts.push(text)
    return text
  })
  const reply = await host.ask((id) => ({ kind: 'hide', id, texts }))
  if (reply.kind !== 'found' || !Array.isArray(reply.value)) return null
  const masked = (reply.value as readonly unknown[]).values()
  return mapTexts(event, () => String(masked.next().value))
}

/** A copy of a JSON-like value with each text replaced, in one order. What is deeper than an event goes is dropped. */
function mapTexts(value: unknown, replace: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return replace(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === DEEPEST) return null
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, replace, depth + 1))
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, replace, depth + 1)]))
}

const DEEPEST = 12
