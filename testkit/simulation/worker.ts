import type { WorkloadExit } from '@fairlead/protocol'
import type { HeartbeatAnswer, HeartbeatRequest } from '../../packages/core/src/moves/heartbeat-task-instance.ts'
import type { SettleAnswer, Settlement } from '../../packages/core/src/moves/settle-task-instances.ts'
import type { StartAnswer, StartRequest } from '../../packages/core/src/moves/start-task-instances.ts'
import type { Life } from './life.ts'
import type { SimulatedProcess } from './machine.ts'
import { request } from './network.ts'
import type { Surroundings } from './surroundings.ts'

/** The Task Execution API as workers reach it; null while nobody serves it. */
export interface WorkerApi {
  start(request: StartRequest): Promise<StartAnswer> | null
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> | null
  settle(settlement: Settlement): Promise<SettleAnswer> | null
}

/** What a worker runs with. */
export interface WorkerDeps {
  readonly surroundings: Surroundings
  readonly network: Life
  readonly api: WorkerApi
  end(exit: WorkloadExit): void
}

const HEARTBEAT_MS = 5_000
const KILLED = { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' } as const
const SUPERSEDED = { kind: 'superseded' } as const

/** A supervisor and its task: asks to start, runs, lives, reports, ends; or fails at one of these as its script says. */
export async function runWorker(process: SimulatedProcess, deps: WorkerDeps): Promise<void> {
  const { kernel, stream } = deps.surroundings
  if (process.script === 'neverBegins') return
  await kernel.sleep(process.life, process.beginsAfterMs)
  if (process.script === 'diesBeforeRun') return deps.end(KILLED)
  if (process.script === 'neverAsks') return await reportUnasked(process, deps)
  const isStarted = await start(process, deps)
  if (!isStarted || process.script === 'freezes') return
  void keepAlive(process, deps)
  await kernel.sleep(process.life, stream.chance(0.1) ? stream.int(10_000, 60_000) : stream.int(5, 4_000))
  if (process.script === 'diesAfterRun') return deps.end(KILLED)
  if (process.script === 'endsSilently') return deps.end({ kind: 'exited', exitCode: 0 })
  await report(process, deps)
  await kernel.sleep(process.life, stream.int(0, 500))
  if (process.script === 'succeedsThenDies')
    return deps.end(stream.chance(0.5) ? KILLED : { kind: 'exited', exitCode: 3 })
  deps.end({ kind: 'exited', exitCode: process.script === 'success' || process.script === 'skipped' ? 0 : 1 })
}

/** A worker that reports without having been let run: its word counts for no hand-over, this one or a later one. */
async function reportUnasked(process: SimulatedProcess, deps: WorkerDeps): Promise<void> {
  await report(process, deps)
  await deps.surroundings.kernel.sleep(process.life, 1_000)
  await report(process, deps)
  deps.end({ kind: 'exited', exitCode: 0 })
}

async function start(process: SimulatedProcess, deps: WorkerDeps): Promise<boolean> {
  const { surroundings, network, api } = deps
  const { kernel } = surroundings
  const startedAt = Math.floor(kernel.now + kernel.wallOffsetMs)
  const identity = { hostname: process.hostname, unixname: 'nobody', pid: process.pid, nonce: process.nonce }
  const asked = { ...identity, taskInstanceId: process.taskInstanceId, dispatchId: process.dispatchId, startedAt }
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const answer = await request(surroundings, { client: process.life, network, serve: () => api.start(asked) })
    if (answer?.kind === 'started') {
      process.wasLetRun = true
      return true
    }
    if (answer !== null) {
      deps.end(SUPERSEDED)
      return false
    }
    await kernel.sleep(process.life, 1_000 * 2 ** attempt)
  }
  deps.end({ kind: 'neverStarted', detail: 'The API did not answer.' })
  return false
}

async function keepAlive(process: SimulatedProcess, deps: WorkerDeps): Promise<void> {
  const { surroundings, network, api } = deps
  const { taskInstanceId, dispatchId, hostname, pid } = process
  const beat = { taskInstanceId, dispatchId, hostname, pid }
  for (;;) {
    await surroundings.kernel.sleep(process.life, HEARTBEAT_MS)
    const answer = await request(surroundings, { client: process.life, network, serve: () => api.heartbeat(beat) })
    // A settled attempt is on its way out anyway; any other refusal means that it must stop.
    if (answer === null || answer.kind === 'alive' || process.reported.size > 0) continue
    return deps.end(SUPERSEDED)
  }
}

async function report(process: SimulatedProcess, deps: WorkerDeps): Promise<void> {
  const { surroundings, network, api } = deps
  const { kernel } = surroundings
  const state = process.script === 'succeedsThenDies' ? 'success' : stateOf(process)
  const settlement: Settlement = {
    taskInstanceId: process.taskInstanceId,
    dispatchId: process.dispatchId,
    actor: 'worker',
    report: { state, error: null },
    exit: null,
    endedAt: Math.floor(kernel.now + kernel.wallOffsetMs),
  }
  process.reported.add(state)
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const answer = await request(surroundings, { client: process.life, network, serve: () => api.settle(settlement) })
    if (answer !== null) return
    await kernel.sleep(process.life, Math.min(30_000, 500 * 2 ** attempt))
  }
}

function stateOf({ script }: SimulatedProcess): 'success' | 'failed' | 'up_for_retry' | 'skipped' {
  return script === 'failed' || script === 'up_for_retry' || script === 'skipped' ? script : 'success'
}
