import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ExecutorHost } from '@fairlead/executor'
import { childEnvironment, extraCaCertificatesOf, runnerFiles, type WorkerHostSettings } from '@fairlead/task-runner'
import type { LocalSettings } from './settings.ts'

/** Where a worker host of this machine belongs. */
export type HostPlace = Pick<ExecutorHost, 'apiUrl' | 'runFolder' | 'logFolder' | 'bundleFolder'>

/** What the worker host of an executor instance is started with. */
export function hostSettings(host: HostPlace, settings: LocalSettings): WorkerHostSettings {
  const { workerHostPath: _, hostTimeoutMs: __, workerHost, childPath, ...times } = settings
  return {
    ...times,
    isKept: workerHost === 'provided',
    replaces: null,
    childPath: childPath ?? runnerFiles().childPath,
    apiUrl: host.apiUrl,
    runFolder: host.runFolder,
    socketPath: socketPathIn(host.runFolder),
    logFolder: host.logFolder,
    bundleFolder: host.bundleFolder,
    extraCaCertificates: extraCaCertificatesOf(process.env),
  }
}

/**
 * Starts a worker host that outlives this process. Resolves when it listens, or with `taken` when another one has its
 * folder; rejects with what it wrote when it ends first.
 */
export async function spawnHost(
  settings: WorkerHostSettings,
  workerHostPath: string,
  environment: Readonly<Record<string, string>>,
): Promise<'ready' | 'taken'> {
  mkdirSync(settings.runFolder, { recursive: true, mode: 0o700 })
  const logPath = join(settings.runFolder, 'host.log')
  const log = openSync(logPath, 'a', 0o600)
  try {
    const child = spawn(process.execPath, [workerHostPath, JSON.stringify(settings)], {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
      env: { ...childEnvironment(process.env), ...environment },
    })
    child.unref()
    const word = await firstWord(child.stdio[3] as Readable, new Promise((resolve) => child.once('error', resolve)))
    if (word !== null) return word
    throw new Error(`The worker host ended before it was ready: ${readFileSync(logPath, 'utf8').slice(-2_000)}`)
  } finally {
    closeSync(log)
  }
}

/** What the host said of itself, null when its pipe ended without. */
async function firstWord(pipe: Readable, failed: Promise<unknown>): Promise<'ready' | 'taken' | null> {
  const said = new Promise<'ready' | 'taken' | null>((resolve) => {
    pipe.once('data', (bytes: Buffer) => resolve(bytes.toString().startsWith('taken') ? 'taken' : 'ready'))
    pipe.once('close', () => resolve(null))
  })
  const word = await Promise.race([said, failed.then(() => null)])
  pipe.destroy()
  return word
}

/** Longest path of a Unix socket that every system takes, less its end. */
const LONGEST_SOCKET_PATH = 100

function socketPathIn(runFolder: string): string {
  const path = join(runFolder, 'host.sock')
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path
  const name = createHash('sha256').update(path).digest('hex').slice(0, 8)
  return join(tmpdir(), `fairlead-${name}`, 'host.sock')
}
