import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * True when Node was started with this very file: `if (isMain(import.meta)) await dag.test()`. False where Fairlead reads
 * or runs the file, and where another file imports it.
 */
export function isMain(meta: { readonly url: string; readonly main?: boolean | undefined }): boolean {
  if (meta.main !== undefined) return meta.main
  const [, entry] = process.argv
  if (entry === undefined || !meta.url.startsWith('file:')) return false
  return realOf(entry) === realOf(fileURLToPath(meta.url))
}

function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path // Typed without its extension, for example: then it is not this file by name either.
  }
}
