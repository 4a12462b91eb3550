import { lstat, mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * The folder of a worker: the one that is named, or one of this user's own in the temporary folder, which the next worker
 * finds again. Code in it is run, so one that others may write to is not used.
 */
export async function openWorkerFolder(named: string | undefined): Promise<string> {
  if (named !== undefined) {
    await mkdir(named, { recursive: true, mode: 0o700 })
    return resolve(named)
  }
  const uid = process.getuid?.() ?? 0
  const usual = join(tmpdir(), `fairlead-worker-${uid}`)
  await mkdir(usual, { mode: 0o700 }).catch(() => undefined) // It is there already, or the look below says what is wrong.
  const facts = await lstat(usual).catch(() => null)
  const isOurs = facts !== null && facts.isDirectory() && facts.uid === uid && (facts.mode & 0o022) === 0
  return isOurs ? usual : await mkdtemp(join(tmpdir(), 'fairlead-worker-'))
}
