import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ExecutionApiClient } from '../execution-api-client.ts'
import { bundleInCache } from './bundle-cache.ts'

const HASH = 'f'.repeat(64)

let folder: string
let server: Server
let client: ExecutionApiClient
let files: Record<string, string>
/** What the list says of a file, where it lies. */
let lies: Record<string, string>
let fetched: string[]
let onFile: (path: string) => number | null

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fl-bundles-'))
  files = { 'manifest.json': '{}', 'bundle.mjs': 'export {}', 'data/words.txt': 'hello' }
  lies = {}
  fetched = []
  onFile = () => null
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  server = createServer((request, response) => {
    const [, path] = /\/files\/(.*)$/.exec(decodeURIComponent(request.url ?? '')) ?? []
    if (path === undefined) {
      const listed = Object.entries({ ...files, ...lies })
      const list = listed.map(([name, text]) => ({ path: name, size: text.length, sha256: sha256(text) }))
      return void response.end(JSON.stringify({ hash: HASH, files: list }))
    }
    fetched.push(path)
    const status = onFile(path)
    if (status === 0) return void request.socket.destroy()
    response.writeHead(status ?? 200).end(files[path])
  })
  await new Promise<void>((listening) => server.listen(join(folder, 'api.sock'), listening))
  client = new ExecutionApiClient(`unix:${join(folder, 'api.sock')}`)
})
afterEach(async () => {
  client.close()
  server.closeAllConnections()
  await new Promise((closed) => server.close(closed))
  rmSync(folder, { recursive: true, force: true })
})

const cache = () => join(folder, 'bundles')
const get = (budgetMs = 5000) =>
  bundleInCache(HASH, { folder: cache(), session: client.session('', 'ticket'), call: () => ({ budgetMs }) })
const isThere = (path: string) => existsSync(join(cache(), HASH, path))

describe('a bundle in the cache', () => {
  it('is fetched with its folders, once', async () => {
    expect(await get()).toEqual({ kind: 'found', value: join(cache(), HASH) })
    expect(readFileSync(join(cache(), HASH, 'data/words.txt'), 'utf8')).toBe('hello')
    expect(fetched).toHaveLength(3)
    expect(await get()).toMatchObject({ kind: 'found' })
    expect(fetched).toHaveLength(3)
    expect(readdirSync(cache())).toEqual([HASH])
  })

  it('is fetched by many at once, and whole for each of them', async () => {
    const found = await Promise.all(Array.from({ length: 5 }, () => get()))
    expect(found.every(({ kind }) => kind === 'found')).toBe(true)
    expect(readdirSync(cache())).toEqual([HASH])
    expect(Object.keys(files).every(isThere)).toBe(true)
  })

  it('is fetched again when some of it was taken away', async () => {
    await get()
    rmSync(join(cache(), HASH, 'data'), { recursive: true })
    expect(await get()).toMatchObject({ kind: 'found' })
    expect(Object.keys(files).every(isThere)).toBe(true)
  })

  it('goes on over connections that break and servers that fail', async () => {
    let failures = 0
    onFile = (path) => (path === 'bundle.mjs' && failures++ < 2 ? (failures === 1 ? 0 : 503) : null)
    expect(await get()).toMatchObject({ kind: 'found' })
    expect(readFileSync(join(cache(), HASH, 'bundle.mjs'), 'utf8')).toBe('export {}')
  })

  it('that cannot be had is no bundle, and leaves nothing', async () => {
    onFile = () => 0
    expect(await get(100)).toMatchObject({ kind: 'unavailable' })
    onFile = () => 404
    expect(await get(100)).toMatchObject({ kind: 'unavailable' })
    expect(readdirSync(cache())).toEqual([])
  })

  it.each([
    ['another content', { 'bundle.mjs': 'export()' + ' ' }, /bundle.mjs has the SHA-256/],
    ['another size', { 'bundle.mjs': 'export {} // more' }, /bundle.mjs has 9 bytes and should have 17/],
    ['a way out', { '../../outside.txt': 'x' }, /leads out of its folder/],
    ['an absolute path', { '/tmp/outside.txt': 'x' }, /leads out of its folder/],
  ])('with %s is refused, and leaves nothing', async (_what, said, message) => {
    lies = said
    await expect(get()).rejects.toThrow(message)
    expect(readdirSync(cache())).toEqual([])
  })

  it('without its manifest is not whole', async () => {
    delete files['manifest.json']
    await expect(get()).rejects.toThrow('it has no manifest.json')
  })

  it('is fetched anew when a file changed between the list and it', async () => {
    lies = { 'bundle.mjs': 'export null' }
    onFile = () => {
      if (fetched.length === 2) lies = {}
      return null
    }
    expect(await get()).toMatchObject({ kind: 'found' })
  })

  it('removes what nobody has used for long, and what a dead worker left', async () => {
    const [used, unused, dead, alive] = ['used', 'unused', '.fetching-dead', '.fetching-alive'].map((name) =>
      join(cache(), name),
    )
    for (const place of [used, unused, dead, alive]) mkdirSync(String(place), { recursive: true })
    writeFileSync(join(String(unused), 'bundle.mjs'), '')
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
    utimesSync(String(used), hoursAgo(24), hoursAgo(24))
    utimesSync(String(unused), hoursAgo(200), hoursAgo(200))
    utimesSync(String(dead), hoursAgo(2), hoursAgo(2))
    await get()
    expect(readdirSync(cache()).toSorted()).toEqual(['.fetching-alive', HASH, 'used'].toSorted())
  })

  it('has no name that leads elsewhere', async () => {
    const source = { folder: cache(), session: client.session('', 'ticket'), call: () => ({ budgetMs: 0 }) }
    await expect(bundleInCache('../x', source)).rejects.toThrow('is no hash')
  })
})

it('says what the disk refuses, and does not wait for it', async () => {
  files[`${'n'.repeat(300)}.txt`] = 'x'
  await expect(get(60_000)).rejects.toThrow('ENAMETOOLONG')
})
