import { fileURLToPath } from 'node:url'
import { readSlot, SDK_SLOT } from './symbols.ts'

/**
 * Files that were at work when this was called, the innermost first. Nothing in Fairlead's own processes, where nobody
 * asks and a stack costs time.
 */
export function authorFiles(): () => readonly string[] {
  if (readSlot(SDK_SLOT) !== undefined) return () => []
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, authorFiles)
  return () => filesOf(holder.stack ?? '')
}

const FRAME = /^ {4}at (?:.* \(|async )?((?:file:\/\/)?\/.+?):\d+:\d+\)?$/

function filesOf(stack: string): readonly string[] {
  const files = stack.split('\n').flatMap((line) => {
    const file = FRAME.exec(line)?.[1]
    if (file === undefined || /^ {4}at new Dag /.test(line) || file.includes('/node_modules/')) return []
    return [file.startsWith('file://') ? fileURLToPath(file) : file]
  })
  return [...new Set(files)]
}
