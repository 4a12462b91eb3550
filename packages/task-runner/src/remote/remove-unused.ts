import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes what lies in a folder longer than it may, by the time of its last use. A folder that is not there has nothing. */
export async function removeUnused(folder: string, longestMs: (name: string) => number): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const path = join(folder, name)
    const facts = await stat(path).catch(() => null)
    const isOld = facts !== null && Date.now() - facts.mtimeMs > longestMs(name)
    if (isOld) await rm(path, { recursive: true, force: true }).catch(() => undefined) // Somebody else's; the next one tries.
  }
}
