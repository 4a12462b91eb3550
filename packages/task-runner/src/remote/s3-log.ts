import { createRequire } from 'node:module'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { S3_SDK, s3PlaceOf } from '@fairlead/protocol'
import { limitedSink } from './log-sinks.ts'
import { LogShipper } from './log-shipper.ts'

/** What is used of the SDK, which is the user's own: this package has no dependency on it. */
interface S3Sdk {
  readonly S3Client: new (options: object) => {
    send(command: unknown, options: { readonly abortSignal: AbortSignal }): Promise<unknown>
    destroy(): void
  }
  readonly PutObjectCommand: new (input: object) => unknown
}

/** The way to logs in S3. */
export interface S3Logs {
  /** The log in a file, as an object that is written whole, again and again. */
  keep(file: string, logPath: string, limitBytes: number): S3Log
}

/**
 * Opens the way to the logs at `s3://bucket/prefix`. Credentials and region are the SDK's to find.
 *
 * @throws when the address is none, or the SDK is not installed.
 */
export function openS3Logs(url: string): S3Logs {
  const place = s3PlaceOf(url)
  if (place === null)
    throw new Error(`this worker cannot send its log to ${url}: it knows s3://bucket/prefix, or nothing for the API`)
  const sdk = loadSdk(url)
  return {
    keep: (file, logPath, limitBytes) =>
      new S3Log(sdk, { file, limitBytes, bucket: place.bucket, key: place.keyOf(logPath) }),
  }
}

/** One log in S3. An object cannot grow, so what there is is written anew when there is more. */
export class S3Log {
  readonly #sdk: S3Sdk
  readonly #target: S3Target
  #timer: NodeJS.Timeout | null = null
  #sentBytes = 0
  #sending: Promise<boolean> | null = null

  constructor(sdk: S3Sdk, target: S3Target) {
    this.#sdk = sdk
    this.#target = target
  }

  /** Begins to write now and then what there is. */
  open(): void {
    this.#timer ??= setInterval(() => void this.#once(AbortSignal.timeout(UPLOAD_EVERY_MS)), UPLOAD_EVERY_MS)
  }

  /** Writes what there is now; false when that could not be done in this time. */
  async catchUp(budgetMs: number): Promise<boolean> {
    const over = AbortSignal.timeout(budgetMs)
    await this.#sending
    // The SDK repeats what is worth repeating.
    return this.#once(over)
  }

  /** Writes the whole of a log that grows no more; false when that could not be done. */
  async close(budgetMs: number): Promise<boolean> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    return this.catchUp(budgetMs)
  }

  #once(signal: AbortSignal): Promise<boolean> {
    this.#sending ??= this.#upload(signal)
      .then(
        () => true,
        () => false,
      )
      .finally(() => (this.#sending = null))
    return this.#sending
  }

  async #upload(signal: AbortSignal): Promise<void> {
    const { file, limitBytes, bucket, key } = this.#target
    const size = await sizeOf(file)
    if (size === this.#sentBytes) return
    const body = await contentOf(file, limitBytes)
    const client = new this.#sdk.S3Client({})
    try {
      const input = { Bucket: bucket, Key: key, Body: body, ContentType: 'application/x-ndjson' }
      await client.send(new this.#sdk.PutObjectCommand(input), { abortSignal: signal })
      this.#sentBytes = size
    } finally {
      client.destroy()
    }
  }
}

interface S3Target {
  readonly file: string
  readonly limitBytes: number
  readonly bucket: string
  readonly key: string
}

const UPLOAD_EVERY_MS = 30_000
const READ_MS = 30_000

function loadSdk(url: string): S3Sdk {
  const load = createRequire(join(process.cwd(), 'package.json'))
  try {
    load.resolve(S3_SDK)
  } catch {
    throw new Error(
      `the log is to go to ${url}, and the package "${S3_SDK}" is not installed in ${process.cwd()}. Run there: npm install ${S3_SDK}`,
    )
  }
  return load(S3_SDK) as S3Sdk
}

/** As much of the file as is kept, in whole lines. */
async function contentOf(file: string, limitBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  const sink = limitedSink(
    {
      take: (bytes, offset) => {
        parts.push(Buffer.from(bytes))
        return Promise.resolve({ kind: 'taken', offset: offset + bytes.length })
      },
    },
    limitBytes,
  )
  await new LogShipper(file, sink, READ_MS).close(READ_MS)
  return Buffer.concat(parts)
}

async function sizeOf(file: string): Promise<number> {
  const facts = await stat(file).catch(() => null)
  return facts?.size ?? 0
}
