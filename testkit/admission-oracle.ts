import type {
  Admission,
  AdmissionGate,
  AdmissionInput,
  Admitted,
  Candidate,
  LaneGate,
} from '../packages/core/src/model/admission.ts'
import type { ExecutorGate } from '../packages/core/src/model/route.ts'

/**
 * Admission as the documentation tells it, with no thought for speed: as long as somebody may go, let the one go who is
 * first in line among those who may. What holds one of the others is what those ahead of it left.
 */
export function admitByTheBook(input: AdmissionInput): Admission {
  const admitted: Admitted[] = []
  for (;;) {
    const left = input.candidates.filter((one) => admitted.every(({ candidate }) => candidate !== one))
    const mayGo = left.filter((one) => gates(one, input, admitted).length === 0)
    const first = mayGo.find((one) => mayGo.every((other) => other === one || isAhead(one, other)))
    if (first === undefined) break
    const { executor = '', passedOver } = placeOf(first, input, admitted)
    admitted.push({ candidate: first, executor, passedOver })
  }
  const held = new Map<string, AdmissionGate>()
  for (const one of input.candidates) {
    const ahead = admitted.filter(({ candidate }) => isAhead(candidate, one))
    const [gate] = gates(one, input, ahead)
    if (gate !== undefined) held.set(one.id, gate)
  }
  return { admitted, held }
}

/** True when `one` goes before `other`: by priority, then the earlier date, run, task and map index. */
export function isAhead(one: Candidate, other: Candidate): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority
  if (one.orderDate !== other.orderDate) return one.orderDate < other.orderDate
  if (one.runKey !== other.runKey) return one.runKey < other.runKey
  if (one.taskIndex !== other.taskIndex) return one.taskIndex < other.taskIndex
  return one.mapIndex < other.mapIndex
}

/** Everything that keeps a candidate from going beside those already admitted; the first is what users are told. */
function gates(one: Candidate, input: AdmissionInput, admitted: readonly Admitted[]): AdmissionGate[] {
  return [
    ...ownGates(one, input),
    ...runGates(one, input, admitted),
    ...taskGates(one, input, admitted),
    ...poolGates(one, input, admitted),
    ...executorGates(one, input, admitted),
  ]
}

function ownGates(one: Candidate, input: AdmissionInput): AdmissionGate[] {
  const isBackingOff = one.readyAt !== null && one.readyAt > input.now
  return isBackingOff ? [{ kind: 'launch_backoff', until: one.readyAt }] : []
}

function runGates(one: Candidate, input: AdmissionInput, admitted: readonly Admitted[]): AdmissionGate[] {
  const run = input.runs.get(one.runKey)
  if (run === undefined) return [{ kind: 'run_not_running' }]
  const found: AdmissionGate[] = []
  if (!run.isRunning) found.push({ kind: 'run_not_running' })
  if (run.isPaused) found.push({ kind: 'dag_paused' })
  const taken = admitted.filter(({ candidate }) => candidate.runKey === one.runKey).length
  if (taken + 1 > run.freePlaces) found.push({ kind: 'max_active_tasks', limit: run.maxActiveTasks })
  return found
}

function taskGates(one: Candidate, input: AdmissionInput, admitted: readonly Admitted[]): LaneGate[] {
  const { limits } = one.lane
  if (limits === null) return []
  const { dagId, taskId } = limits
  const ofTask = admitted.filter(({ candidate: { lane } }) => {
    return lane.limits?.dagId === dagId && lane.limits.taskId === taskId
  })
  const ofRun = ofTask.filter(({ candidate }) => candidate.runKey === one.runKey)
  const everywhere = (input.activeTis.get(JSON.stringify([dagId, taskId])) ?? 0) + ofTask.length
  const here = (input.activeTis.get(`${one.runKey}/${taskId}`) ?? 0) + ofRun.length
  const found: LaneGate[] = []
  if (limits.perDag !== null && everywhere + 1 > limits.perDag) {
    found.push({ kind: 'max_active_tis_per_dag', limit: limits.perDag })
  }
  if (limits.perRun !== null && here + 1 > limits.perRun.limit) {
    found.push({ kind: 'max_active_tis_per_dagrun', limit: limits.perRun.limit })
  }
  return found
}

function poolGates(one: Candidate, input: AdmissionInput, admitted: readonly Admitted[]): LaneGate[] {
  const { pool: name, poolSlots: needs } = one.lane
  const pool = input.pools.get(name)
  if (pool === undefined) return [{ kind: 'pool_missing', pool: name }]
  if (needs > pool.slots) return [{ kind: 'pool_too_small', pool: name, slots: pool.slots, needs }]
  const inPool = admitted.filter(({ candidate }) => candidate.lane.pool === name)
  const used = inPool.reduce((sum, { candidate }) => sum + candidate.lane.poolSlots, pool.used)
  return used + needs > pool.slots ? [{ kind: 'pool_full', pool: name, slots: pool.slots, needs }] : []
}

function executorGates(one: Candidate, input: AdmissionInput, admitted: readonly Admitted[]): LaneGate[] {
  const { executor, passedOver } = placeOf(one, input, admitted)
  if (executor !== undefined) return []
  const [told] = [...passedOver.filter((gate) => gate.kind === 'executor_full'), ...passedOver]
  return told === undefined ? [] : [{ ...told, passedOver: passedOver.filter((gate) => gate !== told) }]
}

/** The executor of the chain that it goes to, if any, and why not to those before it that were asked. */
function placeOf(
  one: Candidate,
  input: AdmissionInput,
  admitted: readonly Admitted[],
): { executor: string | undefined; passedOver: ExecutorGate[] } {
  const { executors: chain, fallback } = one.lane
  const isUp = (name: string): boolean => !['unhealthy', undefined].includes(input.executors.get(name)?.kind)
  const firstUp = chain.find(isUp)
  const asked = fallback === 'full' || firstUp === undefined ? chain : chain.slice(0, chain.indexOf(firstUp) + 1)
  const executor = asked.find((name) => refusal(name, input, admitted) === null)
  const before = executor === undefined ? asked : asked.slice(0, asked.indexOf(executor))
  return { executor, passedOver: before.flatMap((name) => refusal(name, input, admitted) ?? []) }
}

function refusal(name: string, input: AdmissionInput, admitted: readonly Admitted[]): ExecutorGate | null {
  const executor = input.executors.get(name)
  if (executor === undefined) return { kind: 'executor_not_configured', executor: name }
  if (executor.kind === 'unhealthy') return { kind: 'executor_unhealthy', executor: name, reason: executor.reason }
  if (executor.kind === 'starting') return { kind: 'executor_unhealthy', executor: name, reason: 'it is starting' }
  const taken = admitted.filter((other) => other.executor === name).length
  const isFull = taken + 1 > executor.freeSlots
  return isFull ? { kind: 'executor_full', executor: name, parallelism: executor.parallelism } : null
}
