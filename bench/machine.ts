import { readFileSync, readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'

/** The machine, and what others took of it while a scene ran. */

/** What figures were measured on. */
export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly memoryGb: number
  readonly node: string
}

export function machine(): Machine {
  const all = cpus()
  return {
    cores: all.length,
    cpu: all[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

/** Begins to watch; the answer ends it and says which share of all cores went to processes that are not the scene's. */
export function watchForeignCpu(): () => number | null {
  const before = sample()
  return () => {
    const after = sample()
    if (before === null || after === null) return null
    const total = after.total - before.total
    // A server that has ended takes its ticks with it: less than nothing was not used.
    const foreign = after.busy - before.busy - Math.max(0, after.own - before.own)
    return total === 0 ? 0 : Math.round((Math.max(0, foreign) / total) * 100) / 100
  }
}

interface Sample {
  readonly total: number
  readonly busy: number
  readonly own: number
}

/** Ticks since boot, or null where there is no /proc. */
function sample(): Sample | null {
  try {
    const [, ...fields] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/)
    const ticks = fields.slice(0, 8).map(Number)
    const total = ticks.reduce((sum, value) => sum + value, 0)
    return { total, busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), own: ownTicks() }
  } catch {
    return null
  }
}

interface ProcessTicks {
  readonly pid: number
  readonly parent: number
  readonly name: string
  readonly ticks: number
}

/** This process, what descends from it, and the servers that work for it. */
function ownTicks(): number {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []))
  const parents = new Map(all.map((one) => [one.pid, one.parent]))
  const descends = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === process.pid || descends(parents.get(pid)))
  const own = all.filter(({ pid, name }) => name === 'postgres' || name === 'redis-server' || descends(pid))
  return own.reduce((sum, { ticks }) => sum + ticks, 0)
}

function readProcess(pid: number): ProcessTicks | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const rest = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // user and system time, of itself and of children that it has waited for
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(rest[index]), 0)
    return { pid, parent: Number(rest[1]), name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')), ticks }
  } catch {
    return null // It ended while the list was read.
  }
}
