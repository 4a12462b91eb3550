import { rmSync, writeSync, closeSync } from 'node:fs'
import { ControlServer } from './control-server.ts'
import { workerHostSettingsSchema, type WorkerHostSettings } from './host-settings.ts'
import { takeOver } from './predecessor.ts'
import { WorkerHost } from './worker-host.ts'

/**
 * The worker host's process: started by an executor, detached, with its settings as JSON in the first argument. It
 * says `ready` on descriptor 3, and ends when it is told to or when no executor has come back for too long.
 */
async function main(settings: WorkerHostSettings): Promise<void> {
  process.title = 'fairlead worker-host'
  takeOver(settings.runFolder)
  const host = new WorkerHost(settings)
  const server = new ControlServer(host, (detail) =>
    host.close(detail).then(() => void setImmediate(() => void finish())),
  )
  const finish = async (): Promise<void> => {
    await server.close()
    rmSync(settings.socketPath, { force: true })
    process.exit(0)
  }
  const stop = (detail: string): void => void host.close(detail).then(finish)
  server.onAttachment = watchAbsence(settings, host, stop)
  process.on('SIGTERM', () => stop('the worker host was told to end'))

  await host.open()
  await server.listen(settings.socketPath)
  writeSync(READY_DESCRIPTOR, 'ready\n')
  closeSync(READY_DESCRIPTOR)
}

/** Ends the host when no executor is attached for too long; without work it does not wait that long. */
function watchAbsence(settings: WorkerHostSettings, host: WorkerHost, stop: (detail: string) => void) {
  let absentSince: number | null = performance.now()
  setInterval(() => {
    if (absentSince === null) return
    const graceMs =
      host.status().active > 0 ? settings.detachedGraceMs : Math.min(settings.detachedGraceMs, IDLE_GRACE_MS)
    if (performance.now() - absentSince < graceMs) return
    absentSince = null
    stop(`no server came back within ${graceMs} ms`)
  }, ABSENCE_CHECK_MS)
  return (isAttached: boolean): void => {
    absentSince = isAttached ? null : performance.now()
  }
}

const IDLE_GRACE_MS = 30_000
const ABSENCE_CHECK_MS = 500
const READY_DESCRIPTOR = 3

void main(workerHostSettingsSchema.parse(JSON.parse(process.argv[2] ?? '{}')))
