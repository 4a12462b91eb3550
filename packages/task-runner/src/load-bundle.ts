import { pathToFileURL } from 'node:url'
import { DAGS_SLOT, authoredDag, readSlot, type AuthoredDag } from '@fairlead/sdk/runtime'

/**
 * Imports a bundle and answers its Dags, in the order of construction: those that were constructed and those that are
 * exported. `installSdk` must have run. The order of two concurrent loads in one process is not kept apart.
 */
export async function loadBundle(bundlePath: string): Promise<AuthoredDag[]> {
  const constructed = readSlot<unknown[]>(DAGS_SLOT) ?? []
  const before = constructed.length
  const exported: unknown = await import(pathToFileURL(bundlePath).href)
  const candidates = [...constructed.slice(before), ...Object.values(exported as Record<string, unknown>)]
  const dags = candidates.map(authoredDag).filter((dag) => dag !== null)
  return [...new Set(dags)]
}
