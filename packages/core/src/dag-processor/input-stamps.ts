import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'

/** What a file was when it was read: its time and size are asked first, its content only when they differ. */
export const inputStampSchema = z.object({
  path: z.string(),
  mtimeMs: z.number(),
  size: z.int(),
  digest: z.string(),
})
/** See {@link inputStampSchema}. */
export type InputStamp = z.infer<typeof inputStampSchema>

/** Looks at files for one pass over the Dags folder; a module that many Dag files share is looked at once. */
export class InputStamps {
  readonly #looks = new Map<string, Promise<Omit<InputStamp, 'path' | 'digest'> | null>>()
  readonly #digests = new Map<string, Promise<string | null>>()

  /** Stamps of files, or null when one of them is gone. */
  async take(paths: readonly string[]): Promise<InputStamp[] | null> {
    const stamps = await Promise.all(paths.map((path) => this.#stamp(path)))
    return stamps.every((stamp) => stamp !== null) ? stamps : null
  }

  /** True when every file is still what it was. */
  async areCurrent(stamps: readonly InputStamp[]): Promise<boolean> {
    const checks = await Promise.all(stamps.map((stamp) => this.#isCurrent(stamp)))
    return checks.every(Boolean)
  }

  async #stamp(path: string): Promise<InputStamp | null> {
    const look = await this.#look(path)
    const digest = await this.#digest(path)
    return look === null || digest === null ? null : { path, ...look, digest }
  }

  async #isCurrent(stamp: InputStamp): Promise<boolean> {
    const look = await this.#look(stamp.path)
    if (look === null || look.size !== stamp.size) return false
    return look.mtimeMs === stamp.mtimeMs || (await this.#digest(stamp.path)) === stamp.digest
  }

  #look(path: string): Promise<Omit<InputStamp, 'path' | 'digest'> | null> {
    const known = this.#looks.get(path)
    if (known !== undefined) return known
    const look = stat(path).then(({ mtimeMs, size }) => ({ mtimeMs, size }), absent)
    this.#looks.set(path, look)
    return look
  }

  #digest(path: string): Promise<string | null> {
    const known = this.#digests.get(path)
    if (known !== undefined) return known
    const digest = readFile(path).then((content) => createHash('sha256').update(content).digest('hex'), absent)
    this.#digests.set(path, digest)
    return digest
  }
}

// A file that cannot be read counts as changed: compiling it again says what is wrong.
function absent(): null {
  return null
}
