import { mkdirSync, rmSync } from 'node:fs'
import type { SentrySettings } from '../sentry-settings.ts'
import { ControlServer } from './control-server.ts'
import type { WorkerHostSettings } from './host-settings.ts'
import { takeOver, type Tenancy } from './predecessor.ts'
import { WorkerHost } from './worker-host.ts'

/** How a worker host is kept. */
export interface WorkerHostKeeping {
  /** Called when executors can attach. */
  onReady(): void
  /** Ends all work, and the host, when it aborts. */
  readonly signal: AbortSignal
  /** How failures of tasks are told to Sentry; null where they are not. */
  readonly sentry: SentrySettings | null
}

/** How a worker host ended: in order, or at once, since another one has its folder. */
export type WorkerHostEnd = { readonly kind: 'ended' } | Extract<Tenancy, { kind: 'taken' }>

/** Runs the worker host of a run folder in this process until it is told to end, or has been without a server for too long. */
export async function runWorkerHost(
  settings: WorkerHostSettings,
  { onReady, signal, sentry }: WorkerHostKeeping,
): Promise<WorkerHostEnd> {
  mkdirSync(settings.runFolder, { recursive: true, mode: 0o700 })
  const tenancy = takeOver(settings.runFolder, settings.replaces)
  if (tenancy.kind === 'taken') return tenancy
  const host = new WorkerHost(settings, sentry)
  let finish = (): void => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  // Whoever asked for the end hears of it before the socket closes.
  const server = new ControlServer(host, (detail) => host.close(detail).then(() => void setImmediate(finish)))
  const stop = (detail: string): void => void host.close(detail).then(finish)
  const absence = settings.isKept ? null : watchAbsence(settings, host, stop)
  if (absence !== null) server.onAttachment = absence.onAttachment
  const onAbort = (): void => stop('the worker host was told to end')
  signal.addEventListener('abort', onAbort, { once: true })
  await host.open()
  await server.listen(settings.socketPath)
  if (signal.aborted) onAbort()
  onReady()
  await finished
  absence?.end()
  signal.removeEventListener('abort', onAbort)
  await server.close()
  rmSync(settings.socketPath, { force: true })
  return { kind: 'ended' }
}

/** Ends the host when no executor is attached for too long; without work it does not wait that long. */
function watchAbsence(settings: WorkerHostSettings, host: WorkerHost, stop: (detail: string) => void) {
  let absentSince: number | null = performance.now()
  const timer = setInterval(() => {
    if (absentSince === null) return
    const graceMs =
      host.status().active > 0 ? settings.detachedGraceMs : Math.min(settings.detachedGraceMs, IDLE_GRACE_MS)
    if (performance.now() - absentSince < graceMs) return
    absentSince = null
    stop(`no server came back within ${graceMs} ms`)
  }, ABSENCE_CHECK_MS)
  return {
    onAttachment: (isAttached: boolean): void => {
      absentSince = isAttached ? null : performance.now()
    },
    end: () => clearInterval(timer),
  }
}

const IDLE_GRACE_MS = 30_000
const ABSENCE_CHECK_MS = 500
