import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { ExecuteTask, RemoteWorkload, TaskStateReport, WorkloadExit } from '@fairlead/protocol'
import { ExecutionApiClient, type CallOptions, type Refusal, type TaskSession } from '../execution-api-client.ts'
import { fetchWorkload } from '../remote-calls.ts'
import type { SettleResult } from '../settle-task.ts'
import { superviseWorkload } from '../supervise-workload.ts'
import { bundleInCache } from './bundle-cache.ts'
import { apiSink, limitedSink, type LogOutput } from './log-sinks.ts'
import { LogShipper } from './log-shipper.ts'
import type { RemoteEnd } from './remote-end.ts'
import { removeUnused } from './remove-unused.ts'
import { openS3Logs, type S3Logs } from './s3-log.ts'
import { openWorkerFolder } from './worker-folder.ts'
import { WorkerLog } from './worker-log.ts'

/** What a worker is told, and what it may decide for itself. */
export interface ReferenceOptions {
  readonly apiUrl: string
  readonly dispatchId: string
  /** The launch ticket: good for this dispatch alone, and until it is redeemed. */
  readonly ticket: string
  /** Where the log goes instead of the API: `s3://bucket/prefix`, for which the SDK must be installed. */
  readonly logUrl?: string | undefined
  readonly childPath: string
  /** Folder of code that was fetched and of logs under way; default: one of this user's own in the temporary folder. */
  readonly folder?: string | undefined
  /** Aborts when the worker is told to stop: the task is ended, and that is reported. */
  readonly signal?: AbortSignal | undefined
  /** Gets all of the log too, as it comes: the worker's own output. */
  readonly output?: LogOutput | undefined
  /** How long an API that does not answer is waited for before anything has begun. */
  readonly launchBudgetMs?: number | undefined
  /** From SIGTERM to SIGKILL for the task's processes. */
  readonly killGraceMs?: number | undefined
}

const LAUNCH_BUDGET_MS = 300_000
/** However long the code took to fetch, its ticket is offered this long. */
const LEAST_LAUNCH_MS = 10_000
const UNSENT_LOGS_MS = 7 * 24 * 60 * 60 * 1000
const KILL_GRACE_MS = 5_000
const REQUEST_TIMEOUT_MS = 15_000

/** See {@link ReferenceOptions}; the child must be named. */
export async function runReference(options: ReferenceOptions): Promise<RemoteEnd> {
  let api: ExecutionApiClient
  try {
    api = new ExecutionApiClient(options.apiUrl, { requestTimeoutMs: REQUEST_TIMEOUT_MS })
  } catch (error) {
    return { kind: 'neverStarted', detail: messageOf(error) }
  }
  try {
    return await fetchAndRun(api, options)
  } catch (error) {
    return { kind: 'neverStarted', detail: messageOf(error) }
  } finally {
    api.close()
  }
}

/** Rejects only before anything of the user's ran. */
async function fetchAndRun(api: ExecutionApiClient, options: ReferenceOptions): Promise<RemoteEnd> {
  const { dispatchId, ticket, launchBudgetMs = LAUNCH_BUDGET_MS, signal } = options
  const giveUpAt = performance.now() + launchBudgetMs
  const budgetLeft = (): number => Math.max(0, giveUpAt - performance.now())
  const call = (): CallOptions => ({ budgetMs: budgetLeft(), ...(signal === undefined ? {} : { signal }) })
  // What is missing is found before anything is asked for.
  const s3 = options.logUrl === undefined ? null : openS3Logs(options.logUrl)
  const folder = await openWorkerFolder(options.folder)
  const fetched = await fetchWorkload(api.session('', ticket), dispatchId, call())
  if (fetched.kind !== 'found') return notStarted(fetched, signal)
  const workload: ExecuteTask = { ...fetched.value.workload, token: ticket }
  const session = api.session(workload.taskInstance.id, ticket)
  if (workload.program.kind === 'handler') {
    const cached = await bundleInCache(workload.bundle.hash, { folder: join(folder, 'bundles'), session, call })
    if (cached.kind !== 'found') return notStarted(cached, signal)
  }
  if (signal?.aborted === true) return stopped()
  await removeUnused(join(folder, 'logs'), () => UNSENT_LOGS_MS)
  const left = { ...options, launchBudgetMs: Math.max(LEAST_LAUNCH_MS, budgetLeft()) }
  return await runHere({ workload, session, folder, s3, options: left }, fetched.value)
}

interface Place {
  readonly workload: ExecuteTask
  readonly session: TaskSession
  readonly folder: string
  /** Where the log goes instead of the API. */
  readonly s3: S3Logs | null
  readonly options: ReferenceOptions
}

async function runHere(place: Place, server: RemoteWorkload): Promise<RemoteEnd> {
  const { workload, session, folder, s3, options } = place
  const { dispatchId, id } = workload.taskInstance
  const log = new WorkerLog({
    // Of this worker alone: another one may have come with the same ticket.
    folder: join(folder, 'logs', `${dispatchId}.${randomUUID()}`),
    logPath: workload.logPath,
    keeperOf: (file) =>
      s3?.keep(file, workload.logPath, server.logLimitBytes) ??
      new LogShipper(file, limitedSink(apiSink(session, id), server.logLimitBytes), SHIP_MS),
    output: options.output,
  })
  const told: Told = { hasStarted: false, refused: null, state: null, report: null }
  const run = superviseWorkload(workload, {
    session,
    log: log.writer,
    bundleFolder: join(folder, 'bundles'),
    childPath: options.childPath,
    ...timesOf(server, options),
    giveUp: new AbortController().signal,
    onRunning: () => {
      told.hasStarted = true
      log.open()
    },
    alone: {
      tellsOfStop: true,
      beforeReport: () => log.catchUp(),
      onRefused: (answer) => void (told.refused = answer),
      ended: (_exit, pending) => void (told.state = pending?.state.state ?? null),
      reported: (result) => void (told.report = result),
    },
  })
  const onStop = (): void => run.interrupt({ kind: 'shutdown', detail: STOP_DETAIL })
  options.signal?.addEventListener('abort', onStop, { once: true })
  const exit = await run.done
  options.signal?.removeEventListener('abort', onStop)
  if (told.hasStarted) {
    const isLogSent = await log.close()
    return { kind: 'ended', exit, state: told.state, report: told.report, isLogSent }
  }
  await log.drop()
  if (told.refused !== null) return notStarted(told.refused, options.signal)
  return options.signal?.aborted === true ? stopped() : { kind: 'neverStarted', detail: detailOf(exit) }
}

interface Told {
  hasStarted: boolean
  refused: Refusal | null
  state: TaskStateReport['state'] | null
  report: SettleResult | null
}

function detailOf(exit: WorkloadExit): string {
  return 'detail' in exit ? exit.detail : exit.kind
}

const SHIP_MS = 1_000
const STOP_DETAIL = 'the worker was told to stop'

function timesOf({ heartbeatTimeoutMs }: RemoteWorkload, options: ReferenceOptions) {
  return {
    heartbeatIntervalMs: Math.min(5_000, Math.max(500, Math.floor(heartbeatTimeoutMs / 10))),
    settings: {
      killGraceMs: options.killGraceMs ?? KILL_GRACE_MS,
      launchBudgetMs: options.launchBudgetMs ?? LAUNCH_BUDGET_MS,
      settleBudgetMs: heartbeatTimeoutMs + 30_000,
      leaseMs: heartbeatTimeoutMs,
      overtimeMs: 20_000,
      drainMs: 2_000,
    },
  }
}

function notStarted(refusal: Refusal, signal: AbortSignal | undefined): RemoteEnd {
  if (signal?.aborted === true) return stopped()
  switch (refusal.kind) {
    case 'unavailable':
      return { kind: 'unreachable', detail: refusal.detail }
    case 'refused':
      return {
        kind: 'neverStarted',
        detail: `the API refused the launch (${refusal.reason}): ${refusal.message}`,
        refusal: refusal.reason,
      }
    case 'archived':
    case 'notFound':
      return { kind: 'neverStarted', detail: 'the hand-over is of a try that has ended', refusal: refusal.kind }
    default:
      return refusal satisfies never
  }
}

function stopped(): RemoteEnd {
  return { kind: 'neverStarted', detail: `${STOP_DETAIL} before the task began` }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
