import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** `server.json` in the home folder: how a command line on this machine finds the running server. */
const serverFileSchema = z.object({
  pid: z.int(),
  url: z.string(),
  /** Null where workers of this machine come over TCP too. */
  socket: z.string().nullable(),
  startedAt: z.string(),
  version: z.string(),
})
/** See {@link serverFileSchema}. */
export type ServerFile = z.infer<typeof serverFileSchema>

const NAME = 'server.json'

/** Writes the file, readable by its owner alone, whole or not at all. */
export async function writeServerFile(home: string, content: ServerFile): Promise<void> {
  const path = join(home, NAME)
  await writeFile(`${path}.${content.pid}.tmp`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.${content.pid}.tmp`, path)
}

/** The server that runs in this home folder, by its own word; null when there is none. */
export async function readServerFile(home: string): Promise<ServerFile | null> {
  try {
    const parsed = serverFileSchema.safeParse(JSON.parse(await readFile(join(home, NAME), 'utf8')))
    return parsed.success ? parsed.data : null
  } catch {
    // Absent, or half a file of a crash: either way no server can be found by it.
    return null
  }
}

/** Removes the file when the server stops, unless another server of the same home folder has written its own since. */
export async function removeServerFile(home: string, pid: number): Promise<void> {
  const known = await readServerFile(home)
  if (known === null || known.pid === pid) await rm(join(home, NAME), { force: true })
}
