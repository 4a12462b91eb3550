import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadServer } from '../testkit/fairlead-server.ts'
import { machine, watchForeignCpu } from './machine.ts'
import { measureEmptyProgram } from './peers/fork.ts'
import { median, round, say, type SceneOptions } from './scene.ts'

const IDLE_DAGS = 20
const IDLE_MS = 30_000
const SETTLE_MS = 5_000
const TICKS_PER_SECOND = 100

interface Idle {
  readonly cpuPercent: number
  readonly rssMb: number
  readonly treePssMb: number
}

/** `fairlead standalone` in an empty folder: until the first task's code has run, and what an idle one costs. */
export async function startScene({ repeat }: SceneOptions): Promise<unknown> {
  const foreign = watchForeignCpu()
  const first: number[] = []
  const empty: number[] = []
  const idle: Idle[] = []
  for (let number = 1; number <= repeat; number += 1) {
    empty.push(median(await measureEmptyProgram(10)))
    first.push(await measureFirstTask())
    idle.push(await measureIdle())
    say(`round ${number}: empty ${empty.at(-1)} first ${first.at(-1)} idle ${JSON.stringify(idle.at(-1))}`)
  }
  return {
    scene: 'start',
    repeat,
    firstTaskMs: round(median(first)),
    idleCpuPercent: round(median(idle.map((one) => one.cpuPercent))),
    rssMb: round(median(idle.map((one) => one.rssMb))),
    treePssMb: round(median(idle.map((one) => one.treePssMb))),
    peers: { emptyProgramMs: round(median(empty)), ratio: round(median(first) / median(empty)) },
    machine: machine(),
    foreignCpu: foreign(),
  }
}

async function measureFirstTask(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-start-'))
  const path = join(folder, 'ran')
  const server = new FairleadServer({ 'first.ts': dueDag(path) })
  try {
    const startedAt = performance.timeOrigin + performance.now()
    const started = server.start()
    while (!existsSync(path) || readFileSync(path, 'utf8') === '') await sleep(5)
    await started
    return Number(readFileSync(path, 'utf8')) - startedAt
  } finally {
    await server.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureIdle(): Promise<Idle> {
  const dags = Array.from({ length: IDLE_DAGS }, (_, index) => [`idle${index}.ts`, idleDag(index)] as const)
  const server = new FairleadServer(Object.fromEntries(dags))
  try {
    await server.start()
    await sleep(SETTLE_MS)
    const pids = server.processes.map((line) => Number.parseInt(line, 10))
    const before = ticksOf(pids)
    await sleep(IDLE_MS)
    const cpuPercent = ((ticksOf(pids) - before) / TICKS_PER_SECOND / (IDLE_MS / 1000)) * 100
    const now = server.processes.map((line) => Number.parseInt(line, 10))
    const treePssMb = now.reduce((sum, pid) => sum + kilobytesOf(pid, 'smaps_rollup', 'Pss'), 0) / 1024
    return { cpuPercent, rssMb: kilobytesOf(server.pid ?? 0, 'status', 'VmRSS') / 1024, treePssMb }
  } finally {
    await server.dispose()
  }
}

/** CPU of processes and of what they have waited for, in clock ticks. */
function ticksOf(pids: readonly number[]): number {
  const alive = new Set(readdirSync('/proc'))
  return pids
    .filter((pid) => alive.has(String(pid)))
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .map((text) => text.slice(text.lastIndexOf(')') + 2).split(' '))
    .reduce((sum, fields) => sum + [11, 12, 13, 14].reduce((own, index) => own + Number(fields[index]), 0), 0)
}

function kilobytesOf(pid: number, file: string, field: string): number {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // It ended while the list was read.
  }
}

function dueDag(path: string): string {
  return `import { writeFileSync } from 'node:fs'
import { Dag } from 'fairlead'
const dag = new Dag('first', { schedule: '@daily', startDate: '2020-01-01T00:00:00Z', isPausedUponCreation: false })
dag.task('only', () => writeFileSync(${JSON.stringify(path)}, String(performance.timeOrigin + performance.now())))()
`
}

function idleDag(index: number): string {
  return `import { Dag } from 'fairlead'
const dag = new Dag('idle${index}', { isPausedUponCreation: false })
dag.task('only', () => undefined)()
`
}
