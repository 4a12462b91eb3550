import { RUNNER_CONTRACT_HEADER, RUNNER_CONTRACT_VERSION } from '@fairlead/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal } from './refusal.ts'

/** Refuses a task runner of another version. One that names no version is Airflow's, whose contract is the API date alone. */
export function refuseForeignRunner(request: FastifyRequest): void {
  const theirs = request.headers[RUNNER_CONTRACT_HEADER]
  if (theirs === undefined || theirs === String(RUNNER_CONTRACT_VERSION)) return
  throw new Refusal(
    409,
    'incompatible_runner',
    `The task runner speaks version ${String(theirs)} of the contract, the server ${RUNNER_CONTRACT_VERSION}. Install the same Fairlead on both.`,
  )
}
