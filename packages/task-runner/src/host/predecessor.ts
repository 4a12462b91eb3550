import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { killProcessGroup } from '../process-group.ts'
import { identify, isAlive, readProcStat, type ProcessIdentity } from '../process-identity.ts'

/** Takes the run folder: a host that still lives there was given up by its server and is killed before anything else. */
export function takeOver(runFolder: string): void {
  const path = join(runFolder, 'host.json')
  const earlier = readIdentity(path)
  if (earlier !== null && earlier.pid !== process.pid && isAlive(earlier)) process.kill(earlier.pid, 'SIGKILL')
  writeFileSync(path, JSON.stringify(identify(process.pid)), { mode: 0o600 })
}

/** Ends what is left of a process group that an earlier host started. Resolves true when nothing of it lives. */
export async function endLeftover(leader: ProcessIdentity): Promise<boolean> {
  const now = identify(leader.pid)
  if (now !== null && !isAlive(leader)) return true
  // The leader may be gone and the rest not: as long as any of it lives, its number is not given to another group.
  if (now === null && (readProcStat(leader.pid) !== null || leader.bootId !== identify(process.pid)?.bootId))
    return true
  return killProcessGroup(leader.pid)
}

const identitySchema = z.object({ pid: z.int(), startTime: z.string(), bootId: z.string() })

function readIdentity(path: string): ProcessIdentity | null {
  try {
    return identitySchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // The first host in this folder, or one that was killed while it wrote.
    return null
  }
}
