import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath } from 'node:url'

/** A place in the author's TypeScript; line and column count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

const maps = new Map<string, SourceMap | null>()

/** The author's position behind a position in a bundle, or null when the file is no bundle. Reads maps when first asked. */
export function sourcePosition(fileOrUrl: string, line: number, column: number): SourcePosition | null {
  const file = pathOf(fileOrUrl)
  if (file === null || !file.endsWith('/bundle.mjs')) return null
  const map = mapOf(file)
  const entry = map?.findEntry(line - 1, column - 1)
  if (entry === undefined || !('originalSource' in entry)) return null
  const source = pathOf(entry.originalSource) ?? entry.originalSource
  return { file: source, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
}

/**
 * Puts stack traces on the author's lines. It costs nothing until a stack is read, unlike Node's own source map
 * support, which parses every map at import.
 */
export function installSourcePositions(): void {
  Error.prepareStackTrace = (error, frames) => {
    const lines = frames.map((frame) => `\n    at ${describeFrame(frame)}`)
    return `${headingOf(error)}${lines.join('')}`
  }
}

function headingOf(error: Error): string {
  try {
    return Error.prototype.toString.call(error)
  } catch {
    return 'Error' // An author's error may throw in its own `name` or `message`; the frames still help.
  }
}

function describeFrame(frame: NodeJS.CallSite): string {
  // oxlint-disable-next-line no-base-to-string -- V8's call sites print themselves as lines of a stack
  const text = String(frame)
  const file = frame.getFileName()
  const line = frame.getLineNumber()
  const column = frame.getColumnNumber()
  if (typeof file !== 'string' || line === null || column === null) return text
  const position = sourcePosition(file, line, column)
  if (position === null) return text
  return text.replace(`${file}:${line}:${column}`, `${position.file}:${position.line}:${position.column}`)
}

function mapOf(file: string): SourceMap | null {
  const known = maps.get(file)
  if (known !== undefined) return known
  const map = readMap(`${file}.map`)
  maps.set(file, map)
  return map
}

function readMap(path: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload)
  } catch {
    return null // Without its map a bundle still runs; traces then name the bundle.
  }
}

function pathOf(fileOrUrl: string): string | null {
  if (!fileOrUrl.startsWith('file://')) return fileOrUrl.startsWith('/') ? fileOrUrl : null
  return fileURLToPath(fileOrUrl)
}
