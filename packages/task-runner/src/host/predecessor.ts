import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { killProcessGroup } from '../process-group.ts'
import { identify, isAlive, readProcStat, type ProcessIdentity } from '../process-identity.ts'

/** Who has the run folder: the process that this one became, or another one that lives. */
export type Tenancy = { readonly kind: 'ours' } | { readonly kind: 'taken'; readonly by: ProcessIdentity }

/**
 * Takes the run folder, which has one host at a time, however many start at once. A host that its executor gave up is
 * killed before anything else; one that lives otherwise keeps the folder.
 */
export function takeOver(runFolder: string, replaces: number | null): Tenancy {
  const path = holderPath(runFolder)
  const own = `${path}.${process.pid}`
  writeFileSync(own, JSON.stringify(identify(process.pid)), { mode: 0o600 })
  try {
    for (;;) {
      if (couldLink(own, path)) return { kind: 'ours' }
      const holder = readIdentity(path)
      if (holder !== null && isAlive(holder)) {
        if (holder.pid !== replaces) return { kind: 'taken', by: holder }
        process.kill(holder.pid, 'SIGKILL')
      }
      removeHolder(path, holder)
    }
  } finally {
    rmSync(own, { force: true })
  }
}

/** The pid of the host that has a run folder, or null. */
export function hostPidIn(runFolder: string): number | null {
  const holder = readIdentity(holderPath(runFolder))
  return holder !== null && isAlive(holder) ? holder.pid : null
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

const holderPath = (runFolder: string): string => join(runFolder, 'host.json')

const identitySchema = z.object({ pid: z.int(), startTime: z.string(), bootId: z.string() })

/** Links are made whole or not at all, and never over a file that is there. */
function couldLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Removes the note of a host that is gone. Another one that starts may have done so, and left its own: that one stays. */
function removeHolder(path: string, gone: ProcessIdentity | null): void {
  const aside = `${path}.${process.pid}.gone`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  const taken = readIdentity(aside)
  if (taken !== null && (taken.pid !== gone?.pid || taken.startTime !== gone.startTime)) couldLink(aside, path)
  rmSync(aside, { force: true })
}

function readIdentity(path: string): ProcessIdentity | null {
  try {
    return identitySchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // The first host in this folder, or one that was killed while it wrote.
    return null
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
