import { followParts, type Component, type ComponentOptions } from './component.ts'
import { startHealthServer, type HealthListening } from './health-server.ts'
import { inInstallation, requireSharedDatabase, type Installation } from './installation.ts'
import { createScheduler, runScheduler } from './scheduler-part.ts'
import { startTraces } from './traces-part.ts'
import { foreignAddresses } from './worker-addresses.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'

/** A scheduler with its executors, as a process of its own beside others like it. */
export interface SchedulerProcess extends Component {
  /** Where its health is served; null when it is not. */
  readonly healthUrl: string | null
}

/** Starts a scheduler. A failure on the way leaves nothing open. */
export async function startScheduler(options: ComponentOptions): Promise<SchedulerProcess> {
  requireSharedDatabase(options, 'scheduler')
  const addresses = foreignAddresses(options.config)
  return inInstallation(options, async (installation) => {
    const stopping = new AbortController()
    const scheduler = createScheduler(installation, addresses)
    const health = await serveHealth(installation, scheduler, stopping.signal)
    const traces = startTraces(installation, stopping.signal)
    const parts = [runScheduler(scheduler, installation, stopping.signal), ...traces, health]
    const component = followParts(parts, stopping, () => installation.database.close())
    return { ...component, healthUrl: health.url }
  })
}

function serveHealth(installation: Installation, scheduler: Scheduler, signal: AbortSignal): Promise<HealthListening> {
  const { config, environment } = installation
  const { enableHealthCheck, schedulerHealthCheckServerHost, schedulerHealthCheckServerPort } = config.scheduler
  return startHealthServer(
    installation,
    {
      address: enableHealthCheck
        ? { host: schedulerHealthCheckServerHost, port: schedulerHealthCheckServerPort }
        : null,
      key: 'scheduler.scheduler_health_check_server_port',
      report: () => {
        const { health, lastBeatAt } = scheduler
        const oldest = environment.clock.now() - config.scheduler.schedulerHealthCheckThreshold * 1000
        return {
          component: 'scheduler',
          isHealthy: health.kind === 'healthy' && (lastBeatAt ?? 0) >= oldest,
          lastBeatAt,
          reason: health.kind === 'failing' ? health.reason : null,
        }
      },
    },
    signal,
  )
}
