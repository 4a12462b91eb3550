import { createHash } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { BundleFile, BundleManifest } from '@fairlead/protocol'

/** The bundles folder as it is handed out: what is in a bundle, with the digest of each file. */
export interface StoredBundles {
  /** Null when there is no such bundle here. */
  manifestOf(hash: string): Promise<BundleManifest | null>
}

const MOST_KEPT = 100

/** Opens the folder. A file is read for its digest once, and again when it changed: a source map may. */
export function openStoredBundles(folder: string): StoredBundles {
  const kept = new Map<string, Map<string, { stamp: string; file: BundleFile }>>()
  return {
    async manifestOf(hash) {
      const root = join(folder, hash)
      const paths = await filesIn(root)
      // The manifest is there when the bundle is whole.
      if (!paths.includes('manifest.json')) return null
      const known = kept.get(hash) ?? new Map()
      kept.delete(hash)
      kept.set(hash, known)
      for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) kept.delete(oldest)
      const files = await Promise.all(
        paths.map(async (path) => {
          const { size, mtimeMs, ino } = await stat(join(root, path))
          const stamp = `${size}:${mtimeMs}:${ino}`
          const before = known.get(path)
          if (before?.stamp === stamp) return before.file
          const file = { path, size, sha256: await digestOf(join(root, path)) }
          known.set(path, { stamp, file })
          return file
        }),
      )
      return { hash, files }
    },
  }
}

/** Regular files below a folder, sorted, with forward slashes; links are left out, wherever they lead. */
async function filesIn(root: string): Promise<readonly string[]> {
  let entries: Dirent[]
  try {
    entries = await readdir(root, { recursive: true, withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .toSorted()
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
