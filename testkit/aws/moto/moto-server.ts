import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../../eventually.ts'
import { freePort } from '../../free-port.ts'

/** A server of moto, on loopback. */
export interface MotoServer {
  readonly url: string
  close(): Promise<void>
}

/** Starts one with this Python. With the socket of a Docker engine its Batch runs real containers; without, none at all. */
export async function startMoto(python: string, dockerSocketPath: string | null = null): Promise<MotoServer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-moto-'))
  const docker =
    dockerSocketPath === null ? {} : { DOCKER_HOST: `unix://${dockerSocketPath}`, MOTO_DOCKER_NETWORK_MODE: 'host' }
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    cwd: folder,
    env: { ...process.env, ...docker },
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const close = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await eventually(async () => (await fetch(`${url}/moto-api/data.json`)).ok, { timeoutMs: 30_000 })
    if (dockerSocketPath === null) await configure(url, { batch: { use_docker: false }, lambda: { use_docker: false } })
    return { url, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function configure(url: string, settings: object): Promise<void> {
  const answer = await fetch(`${url}/moto-api/config`, { method: 'POST', body: JSON.stringify(settings) })
  if (!answer.ok) throw new Error(`moto did not take its settings: ${answer.status} ${await answer.text()}`)
}
