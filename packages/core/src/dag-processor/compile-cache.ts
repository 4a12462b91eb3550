import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dagSpecSchema } from '@fairlead/protocol'
import { z } from 'zod'
import { inputStampSchema } from './input-stamps.ts'

/** What compiling and parsing a Dag file gave the last time; a second start reads this instead. */
const cachedDagFileSchema = z.object({
  inputs: z.array(inputStampSchema),
  hash: z.string().nullable(),
  dags: z.array(dagSpecSchema),
})
/** See {@link cachedDagFileSchema}. */
export type CachedDagFile = z.infer<typeof cachedDagFileSchema>

const FOLDER = '.cache'
// Raise it when bundles are made differently, so that an upgrade compiles everything again.
const FORMAT = 1

/** Remembers on disk what Dag files gave, by Dags folder, file and the options that shape a bundle. */
export class CompileCache {
  readonly #bundlesFolder: string
  readonly #options: string

  constructor(bundlesFolder: string, options: object) {
    this.#bundlesFolder = bundlesFolder
    this.#options = JSON.stringify({ format: FORMAT, ...options })
  }

  /** The last result, or null when there is none that can be read. Whether it is current is for the caller to see. */
  async read(file: string): Promise<CachedDagFile | null> {
    try {
      const parsed = cachedDagFileSchema.safeParse(JSON.parse(await readFile(this.#pathOf(file), 'utf8')))
      return parsed.success ? parsed.data : null
    } catch {
      return null // Absent or damaged: the file is compiled again.
    }
  }

  async write(file: string, entry: CachedDagFile): Promise<void> {
    const path = this.#pathOf(file)
    await mkdir(join(this.#bundlesFolder, FOLDER), { recursive: true })
    await writeFile(`${path}.new`, JSON.stringify(entry))
    await rename(`${path}.new`, path)
  }

  async forget(file: string): Promise<void> {
    await rm(this.#pathOf(file), { force: true })
  }

  #pathOf(file: string): string {
    const name = createHash('sha256').update(`${this.#options}\0${file}`).digest('hex').slice(0, 32)
    return join(this.#bundlesFolder, FOLDER, `${name}.json`)
  }
}
