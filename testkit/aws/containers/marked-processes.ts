import { readdirSync, readFileSync } from 'node:fs'

/** Variable by which the processes of one container know each other, as they would by their namespace. */
export const CONTAINER_MARK = 'AWS_DOUBLE_CONTAINER'

/** Kills what is left of a container whose first process ended (its group, and on Linux whoever left the group). */
export function endMarked(mark: string, firstPid: number | null): void {
  if (firstPid !== null) kill(-firstPid)
  if (process.platform !== 'linux') return
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && isMarked(name, mark)) kill(Number(name))
  }
}

function isMarked(pid: string, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${CONTAINER_MARK}=${mark}`)
  } catch {
    // It ended while we looked, or belongs to someone else.
    return false
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
