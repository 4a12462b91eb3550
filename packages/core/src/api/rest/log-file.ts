import { open, type FileHandle } from 'node:fs/promises'
import type { Clock } from '../../model/environment.ts'

/** Whole lines of a task's log file, from one place in it to another. */
export interface LogChunk {
  readonly lines: readonly string[]
  /** Where the next chunk begins, in bytes. */
  readonly offset: number
  /** True when the file held nothing more at that moment. */
  readonly isAtEnd: boolean
}

const CHUNK_BYTES = 256 * 1024
const LINE_BREAK = 10

/**
 * Reads the next whole lines after `offset`; a file that does not exist is empty. The last line counts without its line
 * break only when nobody writes any more.
 */
export async function readLogChunk(path: string, offset: number, isEnded: boolean): Promise<LogChunk> {
  const file = await openIfThere(path)
  if (file === null) return { lines: [], offset, isAtEnd: true }
  try {
    return await readFrom(file, offset, isEnded)
  } finally {
    await file.close()
  }
}

/** How to follow a file that grows. */
export interface FollowOptions {
  readonly path: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Whether the try has ended, so that the file grows no more. */
  isEnded(): Promise<boolean>
}

const POLL_MS = 100

/** Chunks of a file as it grows, until the try has ended and everything was read. */
export async function* followLog({ path, clock, signal, isEnded }: FollowOptions): AsyncGenerator<LogChunk> {
  let offset = 0
  while (!signal.aborted) {
    // Asked before reading: what was written until the end is then surely read.
    const hasEnded = await isEnded()
    const chunk = await readLogChunk(path, offset, hasEnded)
    offset = chunk.offset
    if (chunk.lines.length > 0) yield chunk
    if (!chunk.isAtEnd) continue
    if (hasEnded) return
    // An aborted wait ends the loop by its condition.
    await clock.sleep(POLL_MS, signal).catch(() => undefined)
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    throw error
  }
}

async function readFrom(file: FileHandle, offset: number, isEnded: boolean): Promise<LogChunk> {
  const pieces: Buffer[] = []
  let length = 0
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, offset + length)
    const piece = buffer.subarray(0, bytesRead)
    pieces.push(piece)
    length += bytesRead
    const isAtEnd = bytesRead < CHUNK_BYTES
    // A line longer than a chunk is read on until it is whole.
    if (isAtEnd || piece.includes(LINE_BREAK)) return chunkOf(Buffer.concat(pieces), offset, { isAtEnd, isEnded })
  }
}

function chunkOf(
  bytes: Buffer,
  offset: number,
  { isAtEnd, isEnded }: { isAtEnd: boolean; isEnded: boolean },
): LogChunk {
  const whole = isAtEnd && isEnded ? bytes.length : bytes.lastIndexOf(LINE_BREAK) + 1
  const lines = bytes
    .toString('utf8', 0, whole)
    .split('\n')
    .filter((line) => line !== '')
  return { lines, offset: offset + whole, isAtEnd }
}
