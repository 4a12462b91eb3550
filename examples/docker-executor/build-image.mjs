// Makes an image of this machine's own Node, a shell and the task runner, and hands it to a Docker engine. No registry.
// usage: node build-image.mjs [tag], with DOCKER_SOCKET where the engine does not listen at /var/run/docker.sock
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAMS = { node: process.execPath, sh: '/bin/sh', sleep: '/bin/sleep', cat: '/bin/cat', env: '/usr/bin/env' }
const CHANGES = ['ENV PATH=/bin', 'WORKDIR /tmp', 'ENTRYPOINT ["/bin/node", "/fairlead/worker.mjs"]']

const tag = process.argv[2] ?? 'fairlead-task:latest'
const socketPath = process.env.DOCKER_SOCKET ?? '/var/run/docker.sock'
const root = mkdtempSync(join(tmpdir(), 'fairlead-image-'))
try {
  for (const folder of ['bin', 'tmp', 'proc', 'sys', 'dev', 'etc', 'fairlead/bundles', 'fairlead/dispatch'])
    mkdirSync(join(root, folder), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o1777)
  for (const [name, program] of Object.entries(PROGRAMS)) copyProgram(name, realpathSync(program))
  const here = dirname(fileURLToPath(import.meta.url))
  cpSync(join(here, 'worker.mjs'), join(root, 'fairlead/worker.mjs'))
  copyPackage('@fairlead/task-runner', here, new Set())
  await importImage()
  console.log(`The engine at ${socketPath} has the image ${tag}.`)
} finally {
  rmSync(root, { recursive: true, force: true })
}

/** A program, and the libraries that the dynamic linker would load for it. */
function copyProgram(name, program) {
  cpSync(program, join(root, 'bin', name))
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/[^\s:]+/g) ?? []
  for (const library of libraries) cpSync(realpathSync(library), join(root, library), { recursive: true })
}

/** An installed package, and what it depends on, side by side. */
function copyPackage(name, from, copied) {
  if (copied.has(name)) return
  copied.add(name)
  const folder = packageFolder(name, from)
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  cpSync(folder, join(root, 'fairlead/node_modules', name), {
    recursive: true,
    filter: (path) => !path.startsWith(join(folder, 'node_modules')),
  })
  for (const dependency of Object.keys(dependencies)) copyPackage(dependency, folder, copied)
}

function packageFolder(name, from) {
  for (const modules of createRequire(join(from, 'package.json')).resolve.paths(name) ?? []) {
    try {
      return dirname(realpathSync(join(modules, name, 'package.json')))
    } catch {
      // Not installed in this folder; the search goes on above it.
    }
  }
  throw new Error(`The package "${name}" is not installed. Run: npm install ${name}`)
}

/** POST /images/create?fromSrc=-: the body is a tar of the root file system. */
async function importImage() {
  const [repo, version = 'latest'] = tag.split(':')
  const query = new URLSearchParams({ fromSrc: '-', repo, tag: version })
  for (const change of CHANGES) query.append('changes', change)
  const tar = spawn('tar', ['-C', root, '-c', '--owner=0', '--group=0', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { status, text } = await new Promise((resolve, reject) => {
    const sent = request({ socketPath, method: 'POST', path: `/images/create?${query}` }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }))
    })
    sent.on('error', reject)
    tar.stdout.pipe(sent)
  })
  // The engine answers 200 as soon as it begins; what fails then is in the last line.
  if (status !== 200 || text.includes('"error"')) throw new Error(`The engine refused the image (${status}): ${text}`)
}
