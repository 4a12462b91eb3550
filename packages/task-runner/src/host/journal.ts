import {
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import {
  dispatchIdSchema,
  taskStateSchema,
  workloadExitSchema,
  type DispatchId,
  type WorkloadExit,
} from '@fairlead/protocol'
import { z } from 'zod'
import type { ProcessIdentity } from '../process-identity.ts'
import type { PendingReport } from '../settle-task.ts'

/**
 * What a worker host has begun and not yet handed over, in a file that outlives it (NDJSON, 0600: it may hold session
 * tokens of reports that are not told yet).
 *
 * Invariant 1: a record is in the file before what it records happens.
 * Invariant 2: an entry stays until its end is acknowledged.
 */
export class Journal {
  readonly #path: string
  readonly #entries = new Map<DispatchId, JournalEntry>()
  #file: number
  #size = 0

  constructor(path: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (existsSync(path)) for (const line of readFileSync(path, 'utf8').split('\n')) this.#read(line)
    this.#file = this.#rewrite()
  }

  /** What is not acknowledged, oldest first. */
  entries(): readonly JournalEntry[] {
    return [...this.#entries.values()]
  }

  /** Throws when it cannot be written; the workload must not begin then. */
  accepted(dispatchId: DispatchId): void {
    this.#write({ kind: 'accepted', dispatchId })
  }

  /** Throws when it cannot be written; user code must not begin then. */
  running(dispatchId: DispatchId, process: ProcessIdentity): void {
    this.#write({ kind: 'running', dispatchId, process })
  }

  /** `token` is the session's, so that another host can tell the server what this one could not. */
  ended(dispatchId: DispatchId, end: { exit: WorkloadExit; pending: PendingReport | null; token: string }): void {
    this.#note({ kind: 'ended', dispatchId, ...end })
    // For the disk's sake, not the reader's: the server hears of it without waiting.
    fsync(this.#file, () => undefined)
  }

  /** The server heard of the outcome, or will not hear of it from us any more. */
  reported(dispatchId: DispatchId): void {
    this.#note({ kind: 'reported', dispatchId })
  }

  acknowledged(dispatchId: DispatchId): void {
    if (this.#entries.has(dispatchId)) this.#note({ kind: 'acknowledged', dispatchId })
    if (this.#size > COMPACT_AT && this.#entries.size < COMPACT_BELOW) this.#compact()
  }

  close(): void {
    closeSync(this.#file)
  }

  /** What has happened is known here even when the disk is full; only another host would not know it. */
  #note(record: JournalRecord): void {
    try {
      this.#write(record)
    } catch {
      this.#apply(record)
    }
  }

  #write(record: JournalRecord): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`)
    try {
      if (writeSync(this.#file, line, 0, line.length, this.#size) < line.length)
        throw new Error('no space left on device')
    } catch (error) {
      // Half a line would spoil the next one.
      ftruncateSync(this.#file, this.#size)
      throw error
    }
    this.#size += line.length
    this.#apply(record)
  }

  #compact(): void {
    const old = this.#file
    try {
      this.#file = this.#rewrite()
    } catch {
      // The disk is full: the long file is still right.
      return
    }
    closeSync(old)
  }

  #read(line: string): void {
    if (line === '') return
    const record = journalRecordSchema.safeParse(parseOrNull(line))
    // The last line of a host that was killed may be cut; what it recorded did not happen.
    if (record.success) this.#apply(record.data)
  }

  #apply(record: JournalRecord): void {
    const { dispatchId } = record
    const entry = this.#entries.get(dispatchId) ?? { dispatchId, process: null, end: null }
    switch (record.kind) {
      case 'accepted':
        this.#entries.set(dispatchId, entry)
        break
      case 'running':
        this.#entries.set(dispatchId, { ...entry, process: record.process })
        break
      case 'ended': {
        const { exit, pending, token } = record
        this.#entries.set(dispatchId, { ...entry, end: { exit, pending, token } })
        break
      }
      case 'reported':
        if (entry.end !== null)
          this.#entries.set(dispatchId, { ...entry, end: { ...entry.end, pending: null, token: '' } })
        break
      case 'acknowledged':
        this.#entries.delete(dispatchId)
        break
    }
  }

  /** Writes the entries that are left to a new file and puts it in the old one's place. */
  #rewrite(): number {
    const next = `${this.#path}.new`
    const file = openSync(next, 'w', 0o600)
    const lines = this.entries()
      .flatMap(recordsOf)
      .map((record) => `${JSON.stringify(record)}\n`)
    this.#size = lines.length === 0 ? 0 : writeSync(file, lines.join(''))
    fsyncSync(file)
    renameSync(next, this.#path)
    return file
  }
}

/** What is known of one workload. */
export interface JournalEntry {
  readonly dispatchId: DispatchId
  readonly process: ProcessIdentity | null
  readonly end: { readonly exit: WorkloadExit; readonly pending: PendingReport | null; readonly token: string } | null
}

const COMPACT_AT = 1024 * 1024
const COMPACT_BELOW = 100

const processSchema = z.object({ pid: z.int(), startTime: z.string(), bootId: z.string() })
const pendingSchema = z.object({
  taskInstance: z.object({
    id: z.string(),
    dagId: z.string(),
    runId: z.string(),
    taskId: z.string(),
    mapIndex: z.int(),
  }),
  state: taskStateSchema,
  returnJson: z.string().nullable(),
})
const journalRecordSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), dispatchId: dispatchIdSchema }),
  z.object({ kind: z.literal('running'), dispatchId: dispatchIdSchema, process: processSchema }),
  z.object({
    kind: z.literal('ended'),
    dispatchId: dispatchIdSchema,
    exit: workloadExitSchema,
    pending: pendingSchema.nullable(),
    token: z.string(),
  }),
  z.object({ kind: z.literal('reported'), dispatchId: dispatchIdSchema }),
  z.object({ kind: z.literal('acknowledged'), dispatchId: dispatchIdSchema }),
])
type JournalRecord = z.infer<typeof journalRecordSchema>

function recordsOf({ dispatchId, process, end }: JournalEntry): JournalRecord[] {
  const records: JournalRecord[] = [{ kind: 'accepted', dispatchId }]
  if (process !== null) records.push({ kind: 'running', dispatchId, process })
  if (end !== null) records.push({ kind: 'ended', dispatchId, ...end })
  return records
}

function parseOrNull(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // See the caller.
    return null
  }
}
