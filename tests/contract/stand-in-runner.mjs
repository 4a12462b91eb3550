// Runs one shell workload as a supervisor would, with no more than the harness tests need: claim, run, report.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'

const { workload, apiUrl } = JSON.parse(process.env.WORKLOAD)
const { id } = workload.taskInstance
let token = workload.token

const claim = await call('run', { state: 'running', hostname: 'h', unixname: 'u', pid: process.pid, start_date: now() })
if (claim.status === 200) {
  const exitCode = await run(workload.program.command)
  await call('state', {
    state: exitCode === 0 ? 'success' : 'failed',
    end_date: now(),
    exit: { kind: 'exited', exitCode },
  })
  process.exitCode = exitCode
} else {
  console.log(`refused: ${claim.status}`)
  process.exitCode = 75
}

function run(command) {
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'inherit' })
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)))
}

async function call(path, body) {
  const response = await fetch(`${apiUrl}/execution/task-instances/${id}/${path}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'fairlead-nonce': randomUUID(), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  await response.arrayBuffer()
  token = response.headers.get('refreshed-api-token') ?? token
  return response
}

function now() {
  return new Date().toISOString()
}
