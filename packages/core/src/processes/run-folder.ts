import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** The kernel's limit on the path of a Unix socket is 108 bytes on Linux and 104 on macOS. */
const LONGEST_SOCKET_PATH = 100

/** Folders and sockets of a running server. */
export interface RunFolder {
  readonly apiSocket: string
  /** Folder of one executor instance; a socket in it may have a name of up to ten characters. */
  forExecutor(name: string): string
}

/** Where sockets go: below the home folder, or in a private folder of the temporary one when that path is too long. */
export function openRunFolder(
  preferred: string,
  options: { executors: readonly string[]; tmpdir: string; uid: number },
): RunFolder {
  const segments = options.executors.map(segmentOf)
  const longest = Math.max(0, ...segments.map((segment) => Buffer.byteLength(join(preferred, segment, 'x'.repeat(10)))))
  const folder =
    longest <= LONGEST_SOCKET_PATH ? preferred : join(options.tmpdir, `fairlead-${options.uid}-${hashOf(preferred)}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  refuseForeign(folder, options.uid)
  return {
    apiSocket: join(folder, 'api.sock'),
    forExecutor: (name) => {
      const path = join(folder, segmentOf(name))
      mkdirSync(path, { recursive: true, mode: 0o700 })
      return path
    },
  }
}

/** The temporary folder is everybody's: one of that name may have been put there by somebody else. */
function refuseForeign(folder: string, uid: number): void {
  const { uid: owner, mode } = lstatSync(folder)
  if (owner === uid && (mode & 0o022) === 0) return
  throw new Error(`The folder "${folder}" belongs to another user or can be written by others. Remove it.`)
}

function segmentOf(name: string): string {
  const isPlain = /^[\w.-]{1,24}$/.test(name) && !name.startsWith('.')
  return isPlain ? name : `x-${hashOf(name)}`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
