import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { readProcStat } from './process-identity.ts'

/** Ends a process group: asks with SIGTERM, waits, and then does not ask. Resolves true when nothing of it lives. */
export async function endProcessGroup(group: number, graceMs: number): Promise<boolean> {
  if (!signalGroup(group, 'SIGTERM')) return true
  if (await isGoneWithin(group, graceMs)) return true
  signalGroup(group, 'SIGKILL')
  return isGoneWithin(group, KILL_WAIT_MS)
}

/** Kills a process group. Resolves true when nothing of it lives; false when the kernel holds on to some of it. */
export async function killProcessGroup(group: number): Promise<boolean> {
  if (!signalGroup(group, 'SIGKILL')) return true
  return isGoneWithin(group, KILL_WAIT_MS)
}

/**
 * Kills what left its group for a session of its own (a browser, a daemon) and still carries the mark in the environment
 * that it inherited. Linux only: elsewhere a process's environment is not to be read.
 */
export function killStrays(mark: string): void {
  if (process.platform !== 'linux') return
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${PROCESS_MARK}=${mark}\0`))
        process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It ended while we looked, or belongs to another user.
    }
  }
}

/** Name of the variable that marks a task's process and all that it starts. */
export const PROCESS_MARK = 'FAIRLEAD_PROCESS_MARK'

/** Sends a signal to every process of a group; false when the group has no process. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch (error) {
    // EPERM: some of it belongs to another user; the rest got the signal.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A process in an uninterruptible system call dies only after it; we do not wait for a broken disk. */
const KILL_WAIT_MS = 5_000

async function isGoneWithin(group: number, ms: number): Promise<boolean> {
  const giveUpAt = performance.now() + ms
  for (let pauseMs = 2; isGroupAlive(group); pauseMs = Math.min(pauseMs * 2, 50)) {
    if (performance.now() > giveUpAt) return false
    await sleep(pauseMs)
  }
  return true
}

function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  // Zombies still answer, and in a container without an init they stay for ever.
  return process.platform !== 'linux' || hasLivingMember(group)
}

function hasLivingMember(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (name.charCodeAt(0) > 57) return false
    const stat = readProcStat(name)
    return stat !== null && stat.group === group && stat.state !== 'Z' && stat.state !== 'X'
  })
}
