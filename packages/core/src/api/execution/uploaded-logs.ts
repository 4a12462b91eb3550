import { constants } from 'node:fs'
import { mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Logs that workers send in pieces, written where all logs are. One try can be handed over more than once before it
 * begins, and what an earlier worker of this machine wrote stays: the log of a hand-over begins behind it, at a place that
 * is noted beside the file.
 *
 * Invariant 1: the same piece sent again changes nothing, whichever server it comes to.
 * Invariant 2: a log has no gaps.
 */
export interface UploadedLogs {
  write(file: string, piece: LogPiece): Promise<WriteAnswer>
}

/** Some of a log, and where in it they are. */
export interface LogPiece {
  readonly dispatchId: string
  /** From the beginning of this hand-over's log. */
  readonly offset: number
  readonly body: Buffer
}

/** What came of a piece; `size` is how much there is of this hand-over's log. */
export type WriteAnswer =
  | { readonly kind: 'written'; readonly size: number }
  | { readonly kind: 'gap'; readonly size: number }
  | { readonly kind: 'full'; readonly size: number }

/** Opens the logs; none may become larger than the limit. */
export function openUploadedLogs(limitBytes: number): UploadedLogs {
  const turns = new Map<string, Promise<unknown>>()
  return {
    write(file, piece) {
      // One piece of a log at a time; those of others do not wait for it.
      const turn = (turns.get(file) ?? Promise.resolve()).then(() => writePiece(file, piece, limitBytes))
      const settled = turn.catch(() => undefined)
      turns.set(file, settled)
      void settled.then(() => turns.get(file) === settled && turns.delete(file))
      return turn
    },
  }
}

async function writePiece(
  file: string,
  { dispatchId, offset, body }: LogPiece,
  limitBytes: number,
): Promise<WriteAnswer> {
  const fileSize = await sizeOf(file)
  const note = await readNote(file)
  const isContinued = note?.dispatchId === dispatchId && note.base <= fileSize
  const base = isContinued ? note.base : fileSize
  const size = fileSize - base
  const end = offset + body.length
  if (offset > size) return { kind: 'gap', size }
  if (end <= size) return { kind: 'written', size }
  if (end > limitBytes) return { kind: 'full', size }
  if (!isContinued) {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeNote(file, { dispatchId, base })
  }
  await writeAt(file, body, base + offset)
  return { kind: 'written', size: end }
}

/** At its own place rather than at the end of the file: who writes the same piece twice writes the same bytes. */
async function writeAt(file: string, bytes: Buffer, place: number): Promise<void> {
  const handle = await open(file, constants.O_CREAT | constants.O_WRONLY, 0o600)
  try {
    for (let sent = 0; sent < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, sent, bytes.length - sent, place + sent)
      sent += bytesWritten
    }
  } finally {
    await handle.close()
  }
}

interface Note {
  readonly dispatchId: string
  readonly base: number
}

const noteOf = (file: string): string => `${file}.sent`

async function readNote(file: string): Promise<Note | null> {
  try {
    return JSON.parse(await readFile(noteOf(file), 'utf8')) as Note
  } catch {
    return null // Nothing was sent yet.
  }
}

async function writeNote(file: string, note: Note): Promise<void> {
  const draft = `${noteOf(file)}.${process.pid}.part`
  await writeFile(draft, JSON.stringify(note), { mode: 0o600 })
  await rename(draft, noteOf(file))
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
