// A real server in a folder of its own, for tests that kill it.
import { execFile, spawn } from 'node:child_process'
import { readFileSync, readdirSync, openSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const BIN = fileURLToPath(new URL('../../packages/fairlead/bin/fairlead.mjs', import.meta.url))
const run = promisify(execFile)

export class FairleadServer {
  /** `folder` has the folder `dags`; every process that comes of this server carries `marker` in its environment. */
  constructor({ folder, marker, env = {} }) {
    this.folder = folder
    this.env = {
      ...process.env,
      FAIRLEAD_HOME: join(folder, '.fairlead'),
      FAIRLEAD__CORE__DAGS_FOLDER: join(folder, 'dags'),
      FAIRLEAD__API__PORT: '0',
      FAIRLEAD_TEST_MARKER: marker,
      ...env,
    }
  }

  /** Starts the server; resolves when it has announced itself. `env` holds for this start alone. */
  async start(env = {}) {
    const log = openSync(join(this.folder, 'server.log'), 'a')
    const child = spawn(process.execPath, [BIN, 'standalone'], {
      env: { ...this.env, ...env },
      cwd: this.folder,
      stdio: ['ignore', 'pipe', log],
    })
    closeSync(log)
    this.child = child
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
    let output = ''
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      output += chunk
      if (/https?:\/\//.test(output)) {
        child.stdout.resume()
        return
      }
    }
    throw new Error(`The server ended before it was ready.\n${output}\n${this.log()}`)
  }

  kill(signal) {
    this.child.kill(signal)
  }

  async stop() {
    this.kill('SIGTERM')
    return await this.ended
  }

  log() {
    return readFileSync(join(this.folder, 'server.log'), 'utf8')
  }

  /** Runs a command against the server; answers its standard output. */
  async cli(args) {
    const { stdout } = await run(process.execPath, [BIN, ...args], {
      env: this.env,
      cwd: this.folder,
      maxBuffer: 1 << 28,
    })
    return stdout
  }

  /** The same as JSON. */
  async json(args) {
    return [JSON.parse(await this.cli([...args, '--output', 'json']))].flat()[0]
  }

  /** Waits until a run has ended; answers it. */
  async waitForRun(dagId, runId, timeoutMs = 300_000) {
    const deadline = Date.now() + timeoutMs
    while (Date.now() < deadline) {
      const runs = JSON.parse(await this.cli(['dags', 'list-runs', dagId, '--output', 'json']))
      const found = runs.find((one) => (one.dag_run_id ?? one.run_id) === runId)
      if (found?.state === 'success' || found?.state === 'failed') return found
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    throw new Error(`Run ${runId} of ${dagId} did not end in ${timeoutMs} ms.\n${this.log().slice(-4000)}`)
  }
}

/** Command lines of the live processes that carry a marker in their environment. */
export function processesOf(marker) {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`FAIRLEAD_TEST_MARKER=${marker}`)) return []
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`]
    } catch {
      return [] // It ended while we looked, or is not ours to see.
    }
  })
}
