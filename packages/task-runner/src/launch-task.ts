import { hostname, userInfo } from 'node:os'
import type { EnterRunning, WorkloadExit } from '@fairlead/protocol'
import type { Refusal } from './execution-api-client.ts'

/** What a process says of itself when it redeems a launch ticket. */
export function enterRunning(pid: number): EnterRunning {
  return { state: 'running', hostname: hostname(), unixname: userName(), pid, start_date: new Date().toISOString() }
}

/** How a workload ends whose ticket was refused. */
export function exitOfRefusal(answer: Refusal): WorkloadExit {
  if (answer.kind === 'notFound' || answer.kind === 'archived') return { kind: 'superseded' }
  if (answer.kind === 'unavailable')
    return { kind: 'neverStarted', detail: `the API could not be reached: ${answer.detail}` }
  const isElsewhere =
    answer.reason === 'superseded' || answer.reason === 'archived' || answer.reason === 'invalid_state'
  if (isElsewhere) return { kind: 'superseded' }
  return { kind: 'neverStarted', detail: `the API refused the launch (${answer.reason}): ${answer.message}` }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a user id that has no name.
    return String(process.getuid?.() ?? '')
  }
}
