import type { Admission, AdmissionGate, AdmissionInput, Candidate } from '../packages/core/src/model/admission.ts'

/**
 * Admission as the documentation tells it, with no thought for speed: as long as somebody may go, let the one go who is
 * first in line among those who may. What holds one of the others is what those ahead of it left.
 */
export function admitByTheBook(input: AdmissionInput): Admission {
  const admitted: Candidate[] = []
  for (;;) {
    const mayGo = input.candidates.filter((one) => !admitted.includes(one) && gates(one, input, admitted).length === 0)
    const first = mayGo.find((one) => mayGo.every((other) => other === one || isAhead(one, other)))
    if (first === undefined) break
    admitted.push(first)
  }
  const held = new Map<string, AdmissionGate>()
  for (const one of input.candidates) {
    const ahead = admitted.filter((other) => isAhead(other, one))
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
function gates(one: Candidate, input: AdmissionInput, admitted: readonly Candidate[]): AdmissionGate[] {
  return [...ownGates(one, input), ...runGates(one, input, admitted), ...executorGates(one, input, admitted)]
}

function ownGates(one: Candidate, input: AdmissionInput): AdmissionGate[] {
  const isBackingOff = one.readyAt !== null && one.readyAt > input.now
  return isBackingOff ? [{ kind: 'launch_backoff', until: one.readyAt }] : []
}

function runGates(one: Candidate, input: AdmissionInput, admitted: readonly Candidate[]): AdmissionGate[] {
  const run = input.runs.get(one.runKey)
  if (run === undefined) return [{ kind: 'run_not_running' }]
  const found: AdmissionGate[] = []
  if (!run.isRunning) found.push({ kind: 'run_not_running' })
  if (run.isPaused) found.push({ kind: 'dag_paused' })
  const taken = admitted.filter((other) => other.runKey === one.runKey).length
  if (taken + 1 > run.freePlaces) found.push({ kind: 'max_active_tasks', limit: run.maxActiveTasks })
  return found
}

function executorGates(one: Candidate, input: AdmissionInput, admitted: readonly Candidate[]): AdmissionGate[] {
  const name = one.executor
  const executor = input.executors.get(name)
  if (executor === undefined) return [{ kind: 'executor_not_configured', executor: name }]
  if (executor.kind === 'unhealthy') return [{ kind: 'executor_unhealthy', executor: name, reason: executor.reason }]
  const taken = admitted.filter((other) => other.executor === name).length
  const isFull = taken + 1 > executor.freeSlots
  return isFull ? [{ kind: 'executor_full', executor: name, parallelism: executor.parallelism }] : []
}
