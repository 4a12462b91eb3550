// Services for tests, from what the machine has: `start`, `stop`, or `run -- command`, which does both around a command.
// `serve` keeps a server for one who restarts it: it prints its address, and obeys `restart fast|immediate` a line of
// its standard input until that ends.
// Servers listen on loopback and keep everything in a temporary folder; --durable leaves PostgreSQL's fsync on, --docker
// adds a Docker engine, --moto a Python from which tests start moto, and the service models of AWS.
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  chmodSync,
  chownSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startDocker, stopDocker } from './docker-engine.mjs'
import { findMoto } from './moto.mjs'

const record = fileURLToPath(new URL('../.cache/services.json', import.meta.url))
const [action, ...rest] = process.argv.slice(2)

if (action === 'start') await start()
else if (action === 'stop') await stop()
else if (action === 'serve') await serve()
else if (action === 'run' && rest.includes('--')) await run(rest.slice(rest.indexOf('--') + 1))
else fail('Usage: node scripts/services.mjs start | stop | serve | run [--durable] [--docker] [--moto] -- command…')

async function start() {
  if (existsSync(record)) fail(`Services run already (${record}). Stop them with: node scripts/services.mjs stop`)
  const services = await startServices()
  mkdirSync(join(record, '..'), { recursive: true })
  writeFileSync(record, JSON.stringify(services))
  for (const [name, value] of Object.entries(environmentOf(services))) console.log(`export ${name}=${value}`)
}

async function stop() {
  if (!existsSync(record)) fail('No services run that `start` started.')
  await stopServices(JSON.parse(readFileSync(record, 'utf8')))
  rmSync(record)
}

async function run(command) {
  const services = await startServices()
  const child = spawn(command[0], command.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, ...environmentOf(services) },
  })
  // The terminal signals the whole group; the services go only after the command went.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`Cannot run ${command[0]}: ${error.message}`)
      resolve(1)
    })
    child.on('close', (exitCode) => resolve(exitCode ?? 1))
  })
  await stopServices(services)
  process.exitCode = code
}

async function serve() {
  const postgres = await startPostgres()
  console.log(JSON.stringify({ url: postgres.url }))
  for await (const line of createInterface({ input: process.stdin })) {
    const [, mode] =
      /^restart (fast|immediate)$/.exec(line) ?? fail(`Cannot obey "${line}".`, () => stopPostgres(postgres))
    restartPostgres(postgres, mode)
    console.log('restarted')
  }
  stopPostgres(postgres)
}

async function startServices() {
  const moto = options().includes('--moto') ? mustFindMoto() : null
  const postgres = await startPostgres()
  if (!options().includes('--docker')) return { postgres, docker: null, moto }
  try {
    return { postgres, docker: await startDocker(), moto }
  } catch (error) {
    return fail(error.message, () => stopPostgres(postgres))
  }
}

function mustFindMoto() {
  try {
    return findMoto()
  } catch (error) {
    return fail(error.message)
  }
}

/** What was said before the command. */
function options() {
  return rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest
}

async function stopServices({ postgres, docker }) {
  try {
    if (docker !== null) await stopDocker(docker)
  } finally {
    stopPostgres(postgres)
  }
}

function environmentOf({ postgres, docker, moto }) {
  return {
    FAIRLEAD_TEST_POSTGRES_URL: postgres.url,
    ...(docker === null ? {} : { FAIRLEAD_TEST_DOCKER_SOCKET: docker.socketPath }),
    ...(moto === null ? {} : { FAIRLEAD_TEST_MOTO_PYTHON: moto.python, FAIRLEAD_TEST_AWS_MODELS: moto.models }),
  }
}

async function startPostgres() {
  const bin = postgresBin()
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-services-'))
  const data = join(folder, 'pg')
  mkdirSync(data, { mode: 0o700 })
  if (isRoot()) giveToPostgres(folder, data)
  must(
    asPostgres(join(bin, 'initdb'), [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]),
  )
  const port = await freePort()
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: data,
    max_connections: 200,
    ...durability(),
  }
  const options = Object.entries(settings)
    .map(([key, value]) => `-c ${key}=${value}`)
    .join(' ')
  must(asPostgres(join(bin, 'pg_ctl'), ['-D', data, '-w', '-s', '-l', join(data, 'log'), '-o', options, 'start']))
  return { bin, folder, data, url: `postgresql://postgres@127.0.0.1:${port}/postgres` }
}

/** With the options it was started with. `immediate` is a crash. */
function restartPostgres({ bin, data }, mode) {
  must(asPostgres(join(bin, 'pg_ctl'), ['-D', data, '-s', '-w', '-m', mode, '-l', join(data, 'log'), 'restart']))
}

function stopPostgres({ bin, folder, data }) {
  must(asPostgres(join(bin, 'pg_ctl'), ['-D', data, '-s', '-w', '-m', 'immediate', 'stop']))
  rmSync(folder, { recursive: true, force: true })
}

function durability() {
  return rest.includes('--durable') ? {} : { fsync: 'off', full_page_writes: 'off' }
}

function postgresBin() {
  const roots = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'].filter((root) => existsSync(root))
  const found = roots
    .flatMap((root) => readdirSync(root).map((name) => join(root, name, 'bin')))
    .filter((bin) => existsSync(join(bin, 'initdb')))
    .sort((a, b) => version(b) - version(a))
  return found[0] ?? fail('No PostgreSQL server on this machine. On Debian or Ubuntu: apt-get install postgresql')
}

function version(bin) {
  return Number(/(\d+)\/bin$/.exec(bin)?.[1] ?? 0)
}

function isRoot() {
  return process.getuid?.() === 0
}

function giveToPostgres(folder, data) {
  const ids = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout))
  chmodSync(folder, 0o755)
  chownSync(data, ids[0], ids[1])
}

/** PostgreSQL refuses to run as root. */
function asPostgres(program, args) {
  const [file, ...head] = isRoot() ? ['runuser', '-u', 'postgres', '--', program] : [program]
  // pg_ctl leaves a server behind that keeps inherited pipes open: nothing may wait for their end.
  return spawnSync(file, [...head, ...args], { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/' })
}

function must(result) {
  if (result.status !== 0)
    fail(`PostgreSQL's tools ended with ${result.status ?? result.signal ?? result.error?.message}`)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function fail(message, before = () => {}) {
  before()
  console.error(message)
  process.exit(1)
}
