import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * One process for all time: a pid alone is used again, a pid with its start time and boot is not.
 */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
}

/** The identity of a process that runs now, or null when there is none. */
export function identify(pid: number): ProcessIdentity | null {
  const startTime = startTimeOf(pid)
  return startTime === null ? null : { pid, startTime, bootId: currentBootId() }
}

/** True while that very process lives (a zombie does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === currentBootId() && startTimeOf(identity.pid) === identity.startTime
}

function startTimeOf(pid: number): string | null {
  if (process.platform !== 'linux') return startTimeByPs(pid)
  const stat = readProcStat(pid)
  return stat === null || stat.state === 'Z' ? null : stat.startTime
}

/** The fields of `/proc/<pid>/stat` that we use, or null when there is no such process. */
export function readProcStat(pid: number | string): { state: string; group: number; startTime: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold anything, so fields are counted from the last one: state, ppid, pgrp, …, 20th starttime.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', group: Number(fields[2]), startTime: fields[19] ?? '' }
  } catch {
    // It is gone.
    return null
  }
}

function startTimeByPs(pid: number): string | null {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text.trim() === '' ? null : text.trim()
  } catch {
    // ps fails when there is no such process.
    return null
  }
}

const currentBootId = once((): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Not Linux: the start time has a date, which is enough.
    return ''
  }
})

/** A machine does not boot again under a process that runs. */
function once(read: () => string): () => string {
  let known: string | null = null
  return () => (known ??= read())
}
