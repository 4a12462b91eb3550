import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError, EXIT_CODES } from './cli-error.ts'
import type { Terminal } from './terminal.ts'

/** Reads a JSON file that holds an object. Its content is never repeated: it may hold secrets. */
export async function readObject({ cwd }: Terminal, file: string): Promise<Record<string, unknown>> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: unknown) => {
    throw new CliError(EXIT_CODES.notFound, `The file "${file}" cannot be read.`, { cause })
  })
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Told below, like any other value that is no object.
  }
  throw new CliError(EXIT_CODES.failure, `The file "${file}" must hold one JSON object.`)
}

/** Writes a JSON file that only its owner may read, and never over another. */
export async function writePrivately({ cwd }: Terminal, file: string, content: unknown): Promise<void> {
  await writeFile(resolve(cwd, file), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flag: 'wx' }).catch(
    (cause: unknown) => {
      const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
      const why = isThere ? 'exists already; remove it, or choose another name' : 'cannot be written'
      throw new CliError(EXIT_CODES.failure, `The file "${file}" ${why}.`, { cause })
    },
  )
}

/** True when the call finds what it names. */
export async function exists(find: () => Promise<unknown>): Promise<boolean> {
  try {
    await find()
    return true
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT_CODES.notFound) return false
    throw error
  }
}
