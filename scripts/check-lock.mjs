// Holds the dependency rules: exact pins in every package.json, a lockfile for every platform, no addresses in it.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
const workspaces = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)
const manifests = ['.', ...workspaces, 'tools/layers'].filter((folder) =>
  existsSync(join(root, folder, 'package.json')),
)
const lockfiles = ['package-lock.json', 'tools/layers/package-lock.json'].filter((file) => existsSync(join(root, file)))

const problems = [...manifests.flatMap(problemsOfManifest), ...lockfiles.flatMap(problemsOfLockfile)]
for (const problem of problems) console.error(problem)
if (manifests.length < 2 || lockfiles.length === 0) problems.push('nothing was checked')
console.log(`${manifests.length} package.json files and ${lockfiles.length} lockfiles: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

function problemsOfManifest(folder) {
  const manifest = read(`${folder}/package.json`)
  const fields = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides']
  const pins = fields.flatMap((field) => Object.entries(manifest[field] ?? {}))
  return pins
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${folder}/package.json: ${name} must be pinned to one version, and is "${version}"`)
}

function problemsOfLockfile(file) {
  const entries = Object.entries(read(file).packages)
  const names = new Set(entries.map(([path]) => path.split('node_modules/').at(-1)))
  const missing = entries.flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !names.has(name))
      .map((name) => `${file}: ${path || 'the root'} wants ${name} on some platform, and it is not locked`),
  )
  const addresses = entries
    .filter(([, { resolved, link }]) => resolved !== undefined && !link)
    .map(([path, { resolved }]) => `${file}: ${path} carries the download address ${resolved}`)
  return [...missing, ...addresses]
}

function read(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}
