import { createRequire } from 'node:module'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { randomUUID } from 'node:crypto'
import { S3_SDK, s3PlaceOf } from '@fairlead/protocol'
import { messageOf } from '../../model/message-of.ts'

/** Logs that workers left elsewhere. */
export interface RemoteLogs {
  /** Brings the log of a try that has ended to this machine, unless it is here. */
  bring(logPath: string, endedAt: number): Promise<BroughtLog>
}

/** What came of it. */
export type BroughtLog =
  | { readonly kind: 'here'; readonly file: string }
  /** There is none, or none that can be had, for a reason that a reader should know. */
  | { readonly kind: 'none'; readonly why: string | null }

/** What is used of the SDK, which whoever keeps logs in S3 has installed. */
interface S3Sdk {
  readonly S3Client: new (options: object) => {
    send(command: unknown, options: { readonly abortSignal: AbortSignal }): Promise<{ readonly Body?: Readable }>
    destroy(): void
  }
  readonly GetObjectCommand: new (input: object) => unknown
}

const LONGEST_MS = 20_000
/** A worker may write its log once more after it has reported. */
const SETTLED_AFTER_MS = 5 * 60_000

/** Opens the logs at an address; they are kept in a folder once they were read. */
export function openRemoteLogs(url: string, cacheFolder: string): RemoteLogs {
  const place = s3PlaceOf(url)
  return {
    async bring(logPath, endedAt) {
      if (place === null) return none(`logging.remote_base_log_folder is "${url}", and must be s3://bucket/prefix.`)
      const file = join(cacheFolder, logPath)
      const known = await stat(file).catch(() => null)
      if (known !== null && known.mtimeMs > endedAt + SETTLED_AFTER_MS) return { kind: 'here', file }
      const key = place.keyOf(logPath)
      try {
        await fetchObject({ Bucket: place.bucket, Key: key }, file)
        return { kind: 'here', file }
      } catch (error) {
        if (error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound')) return none(null)
        if (known !== null) return { kind: 'here', file }
        return none(`The log at s3://${place.bucket}/${key} could not be read: ${messageOf(error)}.`)
      }
    },
  }
}

function none(why: string | null): BroughtLog {
  return { kind: 'none', why }
}

async function fetchObject(input: { readonly Bucket: string; readonly Key: string }, file: string): Promise<void> {
  const sdk = loadSdk()
  const client = new sdk.S3Client({})
  const draft = `${file}.${randomUUID()}.part`
  try {
    const signal = AbortSignal.timeout(LONGEST_MS)
    const { Body } = await client.send(new sdk.GetObjectCommand(input), { abortSignal: signal })
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    if (Body !== undefined) await pipeline(Body, createWriteStream(draft, { mode: 0o600 }), { signal })
    await rename(draft, file)
  } finally {
    await rm(draft, { force: true })
    client.destroy()
  }
}

function loadSdk(): S3Sdk {
  const load = createRequire(join(process.cwd(), 'package.json'))
  try {
    load.resolve(S3_SDK)
  } catch {
    throw new Error(`the package "${S3_SDK}" is not installed in ${process.cwd()}; run there: npm install ${S3_SDK}`)
  }
  return load(S3_SDK) as S3Sdk
}
