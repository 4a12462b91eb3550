import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import type { BundleFile } from '@fairlead/protocol'
import type { CallOptions, FoundAnswer, TaskSession } from '../execution-api-client.ts'
import { fetchBundleFile, fetchBundleManifest } from '../remote-calls.ts'

/** Where bundles are kept, and how one that is not is had. */
export interface BundleSource {
  readonly folder: string
  readonly session: TaskSession
  readonly call: CallOptions
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
  if (await isThere(place)) {
    const now = new Date()
    await utimes(place, now, now).catch(() => undefined) // Another user's cache may be read-only.
    return { kind: 'found', value: place }
  }
  await removeOld(source.folder)
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
const UNUSED_MS = 7 * 24 * 60 * 60 * 1000
const DRAFT_MS = 60 * 60 * 1000

/** Null when all of the bundle is there, else what is wrong with it. */
async function fetchInto(
  folder: string,
  hash: string,
  { session, call }: BundleSource,
): Promise<FoundAnswer<string | null>> {
  const manifest = await fetchBundleManifest(session, hash, call)
  if (manifest.kind !== 'found') return manifest
  for (const file of manifest.value.files) {
    const path = resolve(folder, file.path)
    if (!path.startsWith(folder + sep)) throw new Error(`the bundle's file "${file.path}" leads out of its folder`)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const sink = () => createWriteStream(path, { mode: 0o600 })
    const fetched = await fetchBundleFile(session, { hash, path: file.path, sink }, call)
    if (fetched.kind !== 'found') return fetched
    const problem = await problemWith(path, file)
    if (problem !== null) return { kind: 'found', value: problem }
  }
  const isWhole = manifest.value.files.some(({ path }) => path === MARK)
  return { kind: 'found', value: isWhole ? null : `it has no ${MARK}` }
}

const MARK = 'manifest.json'

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

async function publish(draft: string, place: string): Promise<string> {
  try {
    await rename(draft, place)
  } catch (error) {
    if (!(await isThere(place))) throw error // Else another worker of this machine was first, with the same.
  }
  return place
}

function isThere(place: string): Promise<boolean> {
  return access(join(place, MARK)).then(
    () => true,
    () => false,
  )
}

/** What nobody has used for a week goes, and what a dead worker left half fetched. */
async function removeOld(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const facts = await stat(path).catch(() => null)
    const longest = name.startsWith(DRAFT) ? DRAFT_MS : UNUSED_MS
    if (facts !== null && Date.now() - facts.mtimeMs > longest) await rm(path, { recursive: true, force: true })
  }
}
