import { readdirSync, readFileSync } from 'node:fs'

/** Processes of this machine, as trials look at them. */

/** True while the process runs; a zombie does not. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    // No such process.
    return false
  }
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    // A system without /proc: what can be signalled lives.
    return true
  }
}

/** Kills a process and its group. */
export function killProcessGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL')
    } catch {
      // It is gone, or leads no group.
    }
  }
}

/** The command lines of every process of this machine that may be read, where there is /proc. */
export function commandLines(): readonly string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        // It ended meanwhile.
        return []
      }
    })
}
