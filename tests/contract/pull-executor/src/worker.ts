import { spawn, type ChildProcess } from 'node:child_process'
import type { WorkloadExit } from '@fairlead/protocol'
import type { Job } from './job.ts'

/**
 * A worker: pulls jobs, runs each as a process of its own, and reports. It needs PULL_URL (the executor's mount),
 * PULL_TOKEN, PULL_RUNNER (JSON: the command that runs one workload) and a name as its argument.
 */
const url = String(process.env['PULL_URL'])
const runner = JSON.parse(String(process.env['PULL_RUNNER'])) as [string, ...string[]]
const workerId = process.argv[2] ?? `worker-${process.pid}`
const running = new Map<string, ChildProcess>()
const ended = new Map<string, WorkloadExit>()

for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    for (const child of running.values()) kill(child)
    process.exit(0)
  })
}

void pullJobs()
void reportForever()

async function pullJobs(): Promise<never> {
  for (;;) {
    const answer = await call('/jobs/poll', { workerId, waitMs: 5000 })
    if (answer !== null) await begin((answer as { job: Job }).job)
  }
}

/** A job begins only once its lease is confirmed: a poll whose answer was lost belongs to nobody. */
async function begin(job: Job): Promise<void> {
  const { workload, apiUrl, bundleFolder, logFolder } = job
  const dispatchId = workload.type === 'ExecuteTask' ? workload.taskInstance.dispatchId : workload.dispatchId
  const confirmed = (await call('/jobs/report', { workerId, alive: [dispatchId], ended: [] })) as {
    stop: string[]
  } | null
  if (confirmed === null || confirmed.stop.includes(dispatchId)) return
  const [file, ...args] = runner
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'], WORKLOAD: JSON.stringify({ workload, apiUrl, bundleFolder, logFolder }) },
    stdio: 'inherit',
    detached: true,
  })
  running.set(dispatchId, child)
  child.on('error', (error) => end(dispatchId, { kind: 'neverStarted', detail: error.message }))
  child.on('close', (exitCode, signal) => end(dispatchId, exitOf(exitCode, signal)))
}

function exitOf(exitCode: number | null, signal: string | null): WorkloadExit {
  if (exitCode !== null) return { kind: 'exited', exitCode }
  return { kind: 'signaled', signal: signal ?? 'unknown', cause: 'killed_externally' }
}

function end(dispatchId: string, exit: WorkloadExit): void {
  running.delete(dispatchId)
  if (!ended.has(dispatchId)) ended.set(dispatchId, exit)
  void report()
}

async function reportForever(): Promise<never> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (running.size > 0 || ended.size > 0) await report()
  }
}

/** An end stays until the server has heard it. */
async function report(): Promise<void> {
  const told = [...ended].map(([dispatchId, exit]) => ({ dispatchId, exit }))
  const answer = (await call('/jobs/report', { workerId, alive: [...running.keys()], ended: told })) as {
    stop: string[]
  } | null
  if (answer === null) return
  for (const { dispatchId } of told) ended.delete(dispatchId)
  for (const dispatchId of answer.stop) {
    const child = running.get(dispatchId)
    if (child !== undefined) kill(child)
  }
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  process.kill(-child.pid, 'SIGKILL')
}

/** Null for no content and for a server that cannot be reached; the caller comes again. */
async function call(path: string, body: object): Promise<unknown> {
  try {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${process.env['PULL_TOKEN'] ?? ''}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (response.status === 200) return await response.json()
    await response.body?.cancel()
    if (response.status !== 204) await new Promise((resolve) => setTimeout(resolve, 100))
  } catch {
    // The server restarts; what ended is kept and told again.
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return null
}
