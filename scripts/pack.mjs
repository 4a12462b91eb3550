// Packs the packages as they are published, into the folder that is named, and prints the tarballs:
//   node scripts/pack.mjs FOLDER [packages/NAME…]
// From a copy without the condition by which this repository finds sources: a tarball has none, and must work in a process
// that sets it.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const [destination, ...named] = process.argv.slice(2)
if (destination === undefined) {
  console.error('Usage: node scripts/pack.mjs FOLDER [packages/NAME…]')
  process.exit(2)
}
mkdirSync(destination, { recursive: true })
const packages = named.length > 0 ? named : readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)
const built = outputsOfLastBuild()
const stage = mkdtempSync(join(tmpdir(), 'fairlead-pack-'))
try {
  for (const path of packages) console.log(pack(path))
} finally {
  rmSync(stage, { recursive: true, force: true })
}

function pack(path) {
  const from = join(root, path)
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  const copy = join(stage, path)
  const always = ['README.md', 'LICENSE']
  for (const name of [...manifest.files, ...always].filter((entry) => existsSync(join(from, entry)))) {
    cpSync(join(from, name), join(copy, name), { recursive: true, filter: isOfLastBuild })
  }
  for (const entry of Object.values(manifest.exports)) delete entry['@fairlead/source']
  writeFileSync(join(copy, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return npmPack(copy)
}

/** Chunks of earlier builds stay a while for servers that run; they are nobody else's. */
function isOfLastBuild(file) {
  return !file.includes('/dist/chunks/') || built.has(relative(root, file))
}

function outputsOfLastBuild() {
  const notes = join(root, '.cache/build')
  const names = readdirSync(notes).filter((name) => name.endsWith('.json'))
  return new Set(names.flatMap((name) => JSON.parse(readFileSync(join(notes, name), 'utf8')).outputs))
}

function npmPack(folder) {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', resolve(destination)],
    { cwd: folder, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`npm pack ended with ${status} in ${folder}: ${stderr}`)
  return join(resolve(destination), JSON.parse(stdout)[0].filename)
}
