import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TaskLog } from '@fairlead/sdk'
import type { TaskStart } from '../ipc.ts'
import { finishedTasks } from './finished-tasks.ts'
import type { HostLink } from './host-link.ts'
import { withoutSecretsOfTask } from './masked-event.ts'
import { sentryOptions } from './sentry-options.ts'

/** Tells Sentry of a task's failure. */
export interface SentryReporter {
  /** Sends the error, for no longer than the settings allow. Never rejects. */
  capture(error: unknown): Promise<void>
}

/** What is used of `@sentry/node`, which is the user's own: this process has no dependencies. */
interface SentrySdk {
  init(options: Readonly<Record<string, unknown>>): unknown
  setTags(tags: Readonly<Record<string, string | number>>): void
  addBreadcrumb(breadcrumb: Readonly<Record<string, unknown>>): void
  captureException(error: unknown): string
  flush(timeoutMs: number): PromiseLike<boolean>
}

const SDK = '@sentry/node'

/** Loads the SDK where Sentry is on. Null where it is off or cannot be loaded, of which the task's log tells. */
export async function openSentry(
  task: TaskStart,
  { host, log }: { readonly host: HostLink; readonly log: TaskLog },
): Promise<SentryReporter | null> {
  const { sentry } = task
  if (sentry === null) return null
  try {
    const sdk = loadSdk()
    const load = (name: string) => loadExport(name)
    sdk.init(await sentryOptions(sentry, { load, log, mask: (event) => withoutSecretsOfTask(event, host) }))
    sdk.setTags(tagsOf(task))
    return {
      capture: async (error) => {
        const over = timeout(sentry.settings.flushTimeoutMs)
        await Promise.race([over.promise, capture(sdk, error, { task, host, sentry })])
        over.clear()
      },
    }
  } catch (error) {
    log.warn('Sentry is on, and is not told of this task', { reason: error instanceof Error ? error.message : error })
    return null
  }
}

async function capture(
  sdk: SentrySdk,
  error: unknown,
  { task, host, sentry }: { task: TaskStart; host: HostLink; sentry: NonNullable<TaskStart['sentry']> },
): Promise<void> {
  try {
    for (const breadcrumb of await finishedTasks(task, host)) sdk.addBreadcrumb(breadcrumb)
    sdk.captureException(error)
    await sdk.flush(sentry.settings.flushTimeoutMs)
  } catch {
    // Whatever is wrong with Sentry, the outcome of the task is what it is.
  }
}

/** Airflow's tags. */
function tagsOf({ dagId, runId, taskId, mapIndex, tryNumber, run }: TaskStart): Record<string, string | number> {
  return {
    dag_id: dagId,
    task_id: taskId,
    run_id: runId,
    map_index: mapIndex,
    try_number: tryNumber,
    operator: 'handler',
    ...presentOf({
      logical_date: run.logical_date,
      data_interval_start: run.data_interval_start,
      data_interval_end: run.data_interval_end,
    }),
  }
}

function presentOf(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
}

function loadSdk(): SentrySdk {
  const load = createRequire(join(process.cwd(), 'package.json'))
  try {
    load.resolve(SDK)
  } catch {
    throw new Error(`the package "${SDK}" is not installed in ${process.cwd()}. Run there: npm install ${SDK}`)
  }
  return load(SDK) as SentrySdk
}

/** The export that `module#export` names, looked for from the working folder. */
async function loadExport(name: string): Promise<unknown> {
  const [module = '', exported = 'default'] = name.split('#')
  const path = createRequire(join(process.cwd(), 'package.json')).resolve(module)
  const loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  if (typeof loaded[exported] !== 'function') throw new Error(`"${module}" exports no function "${exported}"`)
  return loaded[exported]
}

function timeout(ms: number): { promise: Promise<void>; clear(): void } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  return { promise, clear: () => clearTimeout(timer) }
}
