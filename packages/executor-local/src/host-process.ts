import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ExecutorHost } from '@fairlead/executor'
import { childEnvironment, extraCaCertificatesOf, runnerFiles, type WorkerHostSettings } from '@fairlead/task-runner'
import type { LocalSettings } from './settings.ts'

/** What the worker host of this executor instance is started with. */
export function hostSettings(host: ExecutorHost, settings: LocalSettings): WorkerHostSettings {
  const { workerHostPath: _, hostTimeoutMs: __, childPath, ...times } = settings
  return {
    ...times,
    childPath: childPath ?? runnerFiles().childPath,
    apiUrl: host.apiUrl,
    runFolder: host.runFolder,
    socketPath: socketPathIn(host.runFolder),
    logFolder: host.logFolder,
    bundleFolder: host.bundleFolder,
    extraCaCertificates: extraCaCertificatesOf(process.env),
  }
}

/** Starts a worker host that outlives this process. Resolves when it listens; rejects with what it wrote when it ends first. */
export async function spawnHost(settings: WorkerHostSettings, workerHostPath: string): Promise<void> {
  mkdirSync(settings.runFolder, { recursive: true, mode: 0o700 })
  const logPath = join(settings.runFolder, 'host.log')
  const log = openSync(logPath, 'a', 0o600)
  try {
    const child = spawn(process.execPath, [workerHostPath, JSON.stringify(settings)], {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
      env: childEnvironment(process.env),
    })
    child.unref()
    const isReady = await firstOf(child.stdio[3] as Readable, new Promise((resolve) => child.once('error', resolve)))
    if (!isReady)
      throw new Error(`The worker host ended before it was ready: ${readFileSync(logPath, 'utf8').slice(-2_000)}`)
  } finally {
    closeSync(log)
  }
}

/** True when the host said that it is ready, false when its pipe ended without. */
async function firstOf(pipe: Readable, failed: Promise<unknown>): Promise<boolean> {
  const said = new Promise<boolean>((resolve) => {
    pipe.once('data', () => resolve(true))
    pipe.once('close', () => resolve(false))
  })
  const isReady = await Promise.race([said, failed.then(() => false)])
  pipe.destroy()
  return isReady
}

/** Longest path of a Unix socket that every system takes, less its end. */
const LONGEST_SOCKET_PATH = 100

function socketPathIn(runFolder: string): string {
  const path = join(runFolder, 'host.sock')
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path
  const name = createHash('sha256').update(path).digest('hex').slice(0, 8)
  return join(tmpdir(), `fairlead-${name}`, 'host.sock')
}
