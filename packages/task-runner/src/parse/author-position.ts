import { isAbsolute, relative } from 'node:path'
import { sourcePosition, type SourcePosition } from '../source-positions.ts'

/** A path as messages show it: relative to the Dags folder where it lies inside, absolute elsewhere. */
export function shownPath(file: string, dagsFolder: string): string {
  if (!isAbsolute(file)) return file
  const inside = relative(dagsFolder, file)
  return inside.startsWith('..') || isAbsolute(inside) ? file : inside
}

/** `file:line` of the innermost frame that is the author's, for the SDK's locate slot. */
export function locateCaller(dagsFolder: string): string | null {
  const position = callerPosition()
  return position === null ? null : `${shownPath(position.file, dagsFolder)}:${position.line}`
}

function callerPosition(): SourcePosition | null {
  const prepare = Error.prepareStackTrace
  const limit = Error.stackTraceLimit
  // Raw frames cost a tenth of a formatted stack, and a Dag file may place thousands of tasks.
  Error.prepareStackTrace = (_error, frames) => frames
  Error.stackTraceLimit = 12
  try {
    const holder: { stack?: unknown } = {}
    Error.captureStackTrace(holder, locateCaller)
    return firstAuthorFrame(holder.stack as NodeJS.CallSite[])
  } finally {
    Error.prepareStackTrace = prepare
    Error.stackTraceLimit = limit
  }
}

function firstAuthorFrame(frames: readonly NodeJS.CallSite[]): SourcePosition | null {
  for (const frame of frames) {
    const position = sourcePosition(frame.getFileName() ?? '', frame.getLineNumber() ?? 0, frame.getColumnNumber() ?? 0)
    if (position !== null && isAuthored(position.file)) return position
  }
  return null
}

const FRAME = /^ {4}at .*?\(?((?:file:\/\/)?\/[^()]+):(\d+):(\d+)\)?$/

/** The innermost position of a mapped stack that is the author's own, or else that of a package the author uses. */
export function positionInStack(stack: string): SourcePosition | null {
  const positions: SourcePosition[] = []
  for (const line of stack.split('\n')) {
    const match = FRAME.exec(line)
    const [, file, row, column] = match ?? []
    if (file === undefined || file === process.argv[1]) continue
    positions.push({ file, line: Number(row), column: Number(column) })
  }
  return positions.find((position) => isAuthored(position.file)) ?? positions[0] ?? null
}

function isAuthored(file: string): boolean {
  return !file.includes('/node_modules/') && !file.includes(':prelude') && !file.endsWith('/bundle.mjs')
}
