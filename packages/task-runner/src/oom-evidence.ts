import { closeSync, constants, openSync, readFileSync, readlinkSync, readSync } from 'node:fs'

/** What is known, at one moment, of the kernel's out-of-memory kills. */
export interface OomMark {
  /** Kills on this machine since boot, or null where the kernel does not tell. */
  readonly machineKills: number | null
  /** Where the process's own memory group counts its kills, and how many it had; null when it has none of its own. */
  readonly group: { readonly counterFile: string; readonly kills: number } | null
}

/** Notes the counters, for a later look at what was added to them. Taken while the process lives. */
export function markOomKills(pid: number): OomMark {
  const counterFile = groupCounterFile(pid)
  const kills = counterFile === null ? null : readCounter(counterFile)
  return {
    machineKills: readCounter('/proc/vmstat'),
    group: counterFile === null || kills === null ? null : { counterFile, kills },
  }
}

/**
 * Whether the kernel killed this process for want of memory. Its log names the pid, where it may be read and pids are
 * those of the kernel; a counter that has risen since the mark is the second best.
 */
export function wasOomKilled(pid: number, mark: OomMark): boolean {
  const logged = loggedOomKill(pid)
  if (logged !== null) return logged
  if (mark.group !== null) return (readCounter(mark.group.counterFile) ?? 0) > mark.group.kills
  return mark.machineKills !== null && (readCounter('/proc/vmstat') ?? 0) > mark.machineKills
}

function readCounter(file: string): number | null {
  try {
    const match = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1'))
    return match === null ? null : Number(match[1])
  } catch {
    // An older kernel, or the group is gone.
    return null
  }
}

/** The file in which the process's memory group counts, for version 1 and 2 of control groups. */
function groupCounterFile(pid: number): string | null {
  try {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
    const v1 = lines
      .map((line) => /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/.exec(line)?.[1])
      .find((path) => path !== undefined)
    if (v1 !== undefined) return v1 === '/' ? null : `/sys/fs/cgroup/memory${v1}/memory.oom_control`
    const v2 = lines.find((line) => line.startsWith('0::'))?.slice(3)
    return v2 === undefined || v2 === '/' ? null : `/sys/fs/cgroup${v2}/memory.events`
  } catch {
    // The process is gone, or this is no Linux.
    return null
  }
}

/** Null when the kernel's log cannot be read here or speaks of other pids than ours. */
function loggedOomKill(pid: number): boolean | null {
  if (!areKernelPids()) return null
  let file: number
  try {
    file = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return null
  }
  try {
    return readRecords(file, new RegExp(`Killed process ${pid}\\b`))
  } finally {
    closeSync(file)
  }
}

/** One read is one record; EAGAIN is the end, EPIPE a record that was overwritten while we read. */
function readRecords(file: number, wanted: RegExp): boolean | null {
  const record = Buffer.alloc(8192)
  for (let reads = 0; reads < MOST_KERNEL_RECORDS; reads += 1) {
    try {
      const length = readSync(file, record)
      if (wanted.test(record.toString('latin1', 0, length))) return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') continue
      return code === 'EAGAIN' ? false : null
    }
  }
  return null
}

const MOST_KERNEL_RECORDS = 100_000
const KERNEL_PID_NAMESPACE = 'pid:[4026531836]'

function areKernelPids(): boolean {
  try {
    return readlinkSync('/proc/self/ns/pid') === KERNEL_PID_NAMESPACE
  } catch {
    // No Linux.
    return false
  }
}
