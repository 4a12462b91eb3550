import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { bundleManifestSchema, type BundleFile, type BundleManifest } from '@fairlead/protocol'
import type { CallOptions, FoundAnswer, TaskSession } from '../execution-api-client.ts'
import { fetchBundleFile, fetchBundleManifest } from '../remote-calls.ts'
import { problemWithContent } from './check-content.ts'
import { removeUnused } from './remove-unused.ts'

/** Where bundles are kept, and how one that is not is had. */
export interface BundleSource {
  readonly folder: string
  readonly session: TaskSession
  /** For one call, with what is left of the time. */
  call(): CallOptions
}

/**
 * The folder of a bundle, fetched when it is not there. A bundle gets its name when all of it is there and was checked, so
 * that two workers of one machine may fetch it at once, and one that dies in between leaves nothing that looks whole.
 *
 * @throws when the disk fails or what is sent is never what it should be.
 */
export async function bundleInCache(hash: string, source: BundleSource): Promise<FoundAnswer<string>> {
  if (!/^[\w-]+$/.test(hash)) throw new Error(`"${hash}" is no hash of a bundle`)
  const place = join(source.folder, hash)
  if (await isWhole(place)) {
    const now = new Date()
    await utimes(place, now, now).catch(() => undefined) // Another user's cache may be read-only.
    return { kind: 'found', value: place }
  }
  await mkdir(source.folder, { recursive: true, mode: 0o700 })
  await removeUnused(source.folder, (name) => (name.startsWith(DRAFT) ? DRAFT_MS : UNUSED_MS))
  for (let attempt = 1; ; attempt += 1) {
    const draft = join(source.folder, `${DRAFT}${randomUUID()}`)
    try {
      const fetched = await fetchInto(draft, hash, source)
      if (fetched.kind === 'found' && fetched.value === null)
        return { kind: 'found', value: await publish(draft, place) }
      if (fetched.kind !== 'found') return fetched
      // A source map may change between the list and the file; anything else that does is not to be run.
      if (attempt === MOST_ATTEMPTS) throw new Error(`the API sent a bundle that is not whole: ${fetched.value}`)
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  }
}

const DRAFT = '.fetching-'
const MOST_ATTEMPTS = 3
const AT_ONCE = 4
const UNUSED_MS = 7 * 24 * 60 * 60 * 1000
const DRAFT_MS = 60 * 60 * 1000
/** What was fetched; written last. */
const INDEX = '.fetched.json'
const MARK = 'manifest.json'

/** Null when all of the bundle is there, else what is wrong with it. */
async function fetchInto(folder: string, hash: string, source: BundleSource): Promise<FoundAnswer<string | null>> {
  const manifest = await fetchBundleManifest(source.session, hash, source.call())
  if (manifest.kind !== 'found') return manifest
  if (manifest.value.files.every(({ path }) => path !== MARK)) return { kind: 'found', value: `it has no ${MARK}` }
  const { files } = manifest.value
  for (let first = 0; first < files.length; first += AT_ONCE) {
    const some = files.slice(first, first + AT_ONCE).map((file) => fetchChecked(file, { hash, folder }, source))
    // All of them have ended before the folder is taken away.
    for (const one of await Promise.allSettled(some)) {
      if (one.status === 'rejected') throw one.reason
      if (one.value.kind !== 'found' || one.value.value !== null) return one.value
    }
  }
  const problem = await problemWithContent(folder, hash)
  if (problem !== null) return { kind: 'found', value: problem }
  await writeFile(join(folder, INDEX), JSON.stringify(manifest.value), { mode: 0o600 })
  return { kind: 'found', value: null }
}

/** Null when the file is there and is what it should be, else what is wrong with it. */
async function fetchChecked(
  file: BundleFile,
  { hash, folder }: { readonly hash: string; readonly folder: string },
  source: BundleSource,
): Promise<FoundAnswer<string | null>> {
  const path = resolve(folder, file.path)
  if (!path.startsWith(folder + sep)) throw new Error(`the bundle's file "${file.path}" leads out of its folder`)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const fetched = await fetchFile(path, { hash, path: file.path }, source)
  return fetched.kind === 'found' ? { kind: 'found', value: await problemWith(path, file) } : fetched
}

async function fetchFile(
  path: string,
  file: { readonly hash: string; readonly path: string },
  { session, call }: BundleSource,
): Promise<FoundAnswer<null>> {
  const { signal, budgetMs } = call()
  const disk = new AbortController()
  const fetched = await fetchBundleFile(
    session,
    {
      ...file,
      // A full disk is no outage of the API, and is not waited for.
      sink: () => createWriteStream(path, { mode: 0o600 }).once('error', (error) => disk.abort(error)),
    },
    { budgetMs, signal: signal === undefined ? disk.signal : AbortSignal.any([signal, disk.signal]) },
  )
  const broken: unknown = disk.signal.reason
  // Whatever breaks off a download closes its file with an error too; one of the disk has a name of the system's.
  if (fetched.kind !== 'found' && isOfDisk(broken)) throw broken
  return fetched
}

function isOfDisk(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && ['open', 'write'].includes(String(error.syscall))
}

async function problemWith(path: string, { path: name, size, sha256 }: BundleFile): Promise<string | null> {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer)
    length += (chunk as Buffer).length
  }
  if (length !== size) return `${name} has ${length} bytes and should have ${size}`
  const digest = hash.digest('hex')
  return digest === sha256 ? null : `${name} has the SHA-256 ${digest} and should have ${sha256}`
}

/** Gives a bundle its place, which another worker of this machine may have filled first, with the same. */
async function publish(draft: string, place: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rename(draft, place)
      return place
    } catch (error) {
      if (await isWhole(place)) return place
      if (attempt === MOST_ATTEMPTS) throw error
    }
    // Whoever cleans temporary folders has taken some of what is there.
    const aside = join(dirname(place), `${DRAFT}${randomUUID()}`)
    await rename(place, aside).catch(() => undefined) // Another worker did the same.
    await rm(aside, { recursive: true, force: true })
  }
}

/** True when every file is there that was fetched. */
async function isWhole(place: string): Promise<boolean> {
  const index = await readIndex(place)
  if (index === null) return false
  const sizes = await Promise.all(index.files.map(({ path }) => stat(join(place, path)).catch(() => null)))
  return sizes.every((facts, at) => facts?.size === index.files[at]?.size)
}

async function readIndex(place: string): Promise<BundleManifest | null> {
  try {
    return bundleManifestSchema.parse(JSON.parse(await readFile(join(place, INDEX), 'utf8')))
  } catch {
    return null // It is not there, or not all of it.
  }
}
