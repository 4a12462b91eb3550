import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DEFAULT_POOL, type DagSpec, type TaskProgram, type TaskSpec } from '@fairlead/protocol'
import type { Probe } from '@fairlead/executor/conformance'

/** Probe tasks as Dags: shell where that is enough, since it starts quickly, and handlers where they speak to the API. */

const OVERRUN_MS = 500

const SHELL: Partial<Readonly<Record<Probe, string>>> = {
  succeed: 'exit 0',
  fail: 'exit 7',
  sleep: 'exec sleep 600',
  speak: 'echo halfway there; exec sleep 600',
  crash: 'kill -SEGV $$',
  print: 'i=0; while [ $i -lt 2048 ]; do printf "%01023d\\n" 0; i=$((i+1)); done',
  overrun: 'exec sleep 600',
  misplaced: 'exit 0',
}

const HANDLERS: Partial<Readonly<Record<Probe, string>>> = {
  hold: `async () => {
    const { xcom } = getClient()
    while ((await xcom.pull({ key: 'release', taskId: getContext().taskId })) === null) await sleep(20)
  }`,
  exit: `() => process.exit(0)`,
  family: `async () => {
    const child = spawn('/bin/sh', ['-c', "trap '' TERM; while :; do sleep 1; done"], { stdio: 'ignore' })
    await getClient().xcom.push('child', child.pid)
    await sleep(600000)
  }`,
}

/** What a Dag of probes is made of. */
export interface ProbeDagOptions {
  readonly probe: Probe
  /** Priority weight of each task: as many as there are. */
  readonly weights: readonly number[]
  /** Where `hold` waits for a file of its Dag and task, instead of asking the API; null for workers elsewhere. */
  readonly gateFolder: string | null
}

/** The Dag of so many tasks of a probe; the bundle's hash is its id. */
export function probeDag({ probe, weights, gateFolder }: ProbeDagOptions): {
  spec: DagSpec
  hash: string
  bundle: string
} {
  const isGated = probe === 'hold' && gateFolder !== null
  const dagId = `probe_${probe}_${isGated ? randomUUID() : [weights.length, ...weights.slice(0, 16)].join('_')}`
  const tasks = weights.map((priorityWeight, index) => {
    const taskId = `t${index}`
    const gate = isGated ? gatePath(gateFolder, { dagId, taskId }) : null
    return probeTask(probe, { taskId, priorityWeight, gate })
  })
  const spec: DagSpec = {
    dagId,
    description: null,
    tags: [],
    schedule: { kind: 'manual' },
    startDate: null,
    endDate: null,
    catchup: false,
    maxActiveRuns: null,
    maxActiveTasks: null,
    isPausedUponCreation: false,
    ...NO_CHAIN,
    isolation: null,
    location: null,
    tasks,
  }
  return { spec, hash: dagId, bundle: bundleOf(spec, HANDLERS[probe] ?? '() => undefined') }
}

const NO_CHAIN = { executor: null, fallbackExecutors: [], executorFallback: null }

/** The file that releases a gated task. */
export function gatePath(folder: string, { dagId, taskId }: { dagId: string; taskId: string }): string {
  return join(folder, `${dagId}-${taskId}`)
}

function probeTask(
  probe: Probe,
  { gate, ...given }: { taskId: string; priorityWeight: number; gate: string | null },
): TaskSpec {
  return {
    ...given,
    program: programOf(probe, gate),
    inputs: [],
    upstream: [],
    triggerRule: 'all_success',
    isSetup: false,
    retry: { retries: 0, delayMs: 0, backoff: 1, maxDelayMs: 0, jitter: 0 },
    executionTimeoutMs: probe === 'overrun' ? OVERRUN_MS : null,
    weightRule: 'absolute',
    pool: DEFAULT_POOL,
    poolSlots: 1,
    maxActiveTisPerDag: null,
    maxActiveTisPerDagrun: null,
    queue: 'default',
    ...NO_CHAIN,
    isolation: null,
    location: null,
  }
}

function programOf(probe: Probe, gate: string | null): TaskProgram {
  const command = gate === null ? SHELL[probe] : `until [ -e ${gate} ]; do sleep 0.05; done`
  if (command === undefined) return { kind: 'handler' }
  const cwd = probe === 'misplaced' ? '/nonexistent/fairlead-trial' : null
  return { kind: 'shell', command, env: {}, cwd, skipOnExitCode: null }
}

function bundleOf({ dagId, tasks }: DagSpec, handler: string): string {
  return `const { Dag, getClient, getContext } = globalThis[Symbol.for('fairlead.sdk')]
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
const dag = new Dag(${JSON.stringify(dagId)})
for (let index = 0; index < ${tasks.length}; index += 1) dag.task('t' + index, ${handler})()
`
}
