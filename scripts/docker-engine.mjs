// A private Docker engine for tests: own folder, own socket, no bridge, no registry. Containers use the host's network or
// none. It needs root and the programs of Debian's `docker.io`; nothing of a Docker engine that the machine has is touched.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const START_MS = 60_000
const STOP_MS = 30_000

/** Starts an engine; throws with the remedy where it cannot run. */
export async function startDocker() {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-docker-'))
  const engine = { folder, socketPath: join(folder, 'docker.sock'), pid: 0 }
  const log = openSync(join(folder, 'log'), 'a')
  const options = {
    host: `unix://${engine.socketPath}`,
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'dockerd.pid'),
    bridge: 'none',
    iptables: 'false',
    ip6tables: 'false',
    'ip-forward': 'false',
  }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const child = spawn('dockerd', args, { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  let problem = null
  child.on('error', () => (problem = 'there is no dockerd. On Debian or Ubuntu: apt-get install docker.io'))
  child.on('exit', (code, signal) => (problem ??= `dockerd ended with ${code ?? signal}:\n${lastLines(folder)}`))
  for (const giveUpAt = Date.now() + START_MS; problem === null && !(await answers(engine.socketPath));) {
    if (Date.now() > giveUpAt) problem = `dockerd did not answer within ${START_MS} ms:\n${lastLines(folder)}`
    await sleep(50)
  }
  child.unref()
  engine.pid = child.pid ?? 0
  if (problem === null) return engine
  await stopDocker(engine)
  throw new Error(`No Docker engine for tests: ${problem}`)
}

/** Ends an engine, with every container that was left in it. */
export async function stopDocker({ folder, socketPath, pid }) {
  if (pid !== 0 && isAlive(pid)) {
    await removeContainers(socketPath)
    process.kill(pid, 'SIGTERM')
    for (const giveUpAt = Date.now() + STOP_MS; isAlive(pid) && Date.now() < giveUpAt;) await sleep(50)
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
  unmountBelow(folder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** The engine leaves the network namespace mounted that its containers shared, and one that was killed leaves more. */
function unmountBelow(folder) {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of mounted.toReversed()) spawnSync('umount', ['--lazy', path], { stdio: 'inherit' })
}

async function removeContainers(socketPath) {
  const { text } = await call(socketPath, 'GET', '/containers/json?all=true').catch(() => ({ text: '[]' }))
  for (const { Id } of JSON.parse(text)) await call(socketPath, 'DELETE', `/containers/${Id}?force=true&v=true`)
}

async function answers(socketPath) {
  if (!existsSync(socketPath)) return false
  return await call(socketPath, 'GET', '/_ping').then(
    ({ status }) => status === 200,
    () => false,
  )
}

function call(socketPath, method, path) {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, agent: false, timeout: 10_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', reject).end()
  })
}

function isAlive(pid) {
  try {
    // One that has ended and that nobody has waited for still takes signals.
    return process.kill(pid, 0) && !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false // There is no such process.
  }
}

function lastLines(folder) {
  return readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(-10).join('\n')
}
