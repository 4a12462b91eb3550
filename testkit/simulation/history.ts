import type { Database, Tx } from '../../packages/core/src/db/database.ts'
import { Chaos } from './chaos.ts'
import { ExplainProbe } from './explain-probe.ts'
import { explainStuck } from './explain-stuck.ts'
import { Fleet } from './fleet.ts'
import { Kernel } from './kernel.ts'
import { Machine } from './machine.ts'
import { Operator } from './operator.ts'
import { drawPlan } from './plan.ts'
import { RandomStream } from './random-stream.ts'
import type { Truth } from './slot-check.ts'
import type { Surroundings } from './surroundings.ts'
import { Trace } from './trace.ts'
import { Umpire, type Violation } from './umpire.ts'
import type { WorkerApi } from './worker.ts'

/** What became of one history. */
export interface HistoryResult {
  readonly violation: Violation | null
  readonly lines: readonly string[]
  readonly hash: string
  readonly steps: number
}

/** Stepped clocks can put work off by as long as they were stepped. */
const LONGEST_END_MS = 2 * 60 * 60_000
const MOST_STEPS = 200_000
const LOOK_EVERY_MS = 2_000
const PROBES_PER_CHANGE = 0.05

/** Plays the history of one seed on an empty database, from its first Dag until nothing is left to do. */
export async function playHistory(seed: number, database: Database, isFull: boolean): Promise<HistoryResult> {
  const root = new RandomStream(seed)
  const plan = drawPlan(root.fork('plan'))
  const kernel = new Kernel()
  const trace = new Trace(() => Math.round(kernel.now), isFull)
  const chaos = new Chaos(plan, root.fork('chaos'))
  const surroundings: Surroundings = { kernel, trace, chaos, stream: root.fork('world') }
  const parallelism = new Map(plan.executors.map((one) => [one.name, one.parallelism]))
  const machines = new Map<string, Machine>()
  const api: WorkerApi = {
    start: (request) => fleet.api?.start(request) ?? null,
    heartbeat: (request) => fleet.api?.heartbeat(request) ?? null,
    settle: (settlement) => fleet.api?.settle(settlement) ?? null,
  }
  for (const { name } of plan.executors) machines.set(name, new Machine(name, surroundings, api))
  const sampling = root.fork('probe')
  const explain = new ExplainProbe(database, root.fork('explain'))
  const probe = async (tx: Tx, who: string, now: number): Promise<string | null> => {
    const scheduler = fleet.alive.find(({ life }) => life.name === who)
    if (scheduler === undefined || !sampling.chance(PROBES_PER_CHANGE)) return null
    return await explain.ask({ tx, now, offers: scheduler.scheduler.dispatcher.offers })
  }
  const truth = truthOf(machines)
  const umpire = new Umpire({ parallelism, truth, trace, checksAll: isFull, now: () => kernel.now, probe })
  const fleet: Fleet = new Fleet({ plan, surroundings, database, umpire, machines })
  const operator = new Operator({ plan, surroundings, fleet, machines, umpire })
  const surprise = (error: unknown): void => umpire.judgeError('unhandled rejection', error)
  process.on('unhandledRejection', surprise)
  try {
    fleet.start()
    operator.begin()
    await play({ umpire, kernel }, () => kernel.now >= plan.chaosMs, plan.chaosMs + 1)
    chaos.isOn = false
    trace.note('world', 'no more faults')
    operator.finish()
    const isOver = (): boolean => operator.isDone && isSettled(umpire, machines)
    const isEnded = await play({ umpire, kernel }, isOver, kernel.now + LONGEST_END_MS)
    if (!isEnded && umpire.violation === null) {
      umpire.violated('liveness', await explainStuck(umpire, machines, fleet))
    }
    if (umpire.violation === null) await umpire.inspectAll(database)
  } finally {
    for (const one of fleet.alive) one.life.die()
    process.off('unhandledRejection', surprise)
  }
  return { violation: umpire.violation, lines: trace.lines, hash: trace.hash, steps: kernel.steps }
}

/** Steps on until `isOver`, looked at now and then, or until a moment. True when it was over. */
async function play(
  { umpire, kernel }: { umpire: Umpire; kernel: Kernel },
  isOver: () => boolean,
  until: number,
): Promise<boolean> {
  let nextLook = 0
  while (umpire.violation === null && kernel.now < until && kernel.steps < MOST_STEPS) {
    if (kernel.now >= nextLook) {
      if (isOver()) return true
      nextLook = kernel.now + LOOK_EVERY_MS
    }
    if (!(await kernel.step())) return isOver()
  }
  return false
}

function isSettled(umpire: Umpire, machines: ReadonlyMap<string, Machine>): boolean {
  const runs = [...umpire.model.runs.values()]
  if (!runs.every((run) => run.state === 'success' || run.state === 'failed')) return false
  if (umpire.slots.heldCount > 0) return false
  return [...machines.values()].every((machine) =>
    machine.processes.every((one) => one.exit !== null || isIdle(one.script)),
  )
}

// What neither runs nor asks ends only when somebody who knows of it kills it.
function isIdle(script: string): boolean {
  return script === 'neverBegins' || script === 'freezes'
}

function truthOf(machines: ReadonlyMap<string, Machine>): Truth {
  const find = (dispatchId: string) => {
    for (const machine of machines.values()) {
      const process = machine.find(dispatchId)
      if (process !== undefined) return process
    }
    return undefined
  }
  return {
    isAlive: (dispatchId) => [...machines.values()].some((machine) => machine.isAlive(dispatchId)),
    wasRevoked: (dispatchId) => [...machines.values()].some((machine) => machine.wasRevoked(dispatchId)),
    reported: (dispatchId) => find(dispatchId)?.reported ?? new Set(),
  }
}
