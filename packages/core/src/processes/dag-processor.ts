import { followParts, type Component, type ComponentOptions } from './component.ts'
import { firstDagsOr, startDagProcessor, type ParseProcess } from './dag-processor-part.ts'
import { startHealthServer } from './health-server.ts'
import { inInstallation, requireSharedDatabase } from './installation.ts'

/** A Dag processor as a process of its own. */
export interface DagProcessorProcess extends Component {
  /** Where its health is served; null when it is not. */
  readonly healthUrl: string | null
}

/** Starts a Dag processor. A failure on the way leaves nothing open. */
export async function startDagProcessorProcess(options: ComponentOptions & ParseProcess): Promise<DagProcessorProcess> {
  requireSharedDatabase(options, 'dag-processor')
  return inInstallation(options, async (installation) => {
    const { config, context, database, environment } = installation
    const { enableHealthCheck, healthCheckServerHost, healthCheckServerPort } = config.dagProcessor
    const stopping = new AbortController()
    const passed = { at: environment.clock.now() }
    const health = await startHealthServer(
      installation,
      {
        address: enableHealthCheck ? { host: healthCheckServerHost, port: healthCheckServerPort } : null,
        key: 'dag_processor.health_check_server_port',
        report: () => ({
          component: 'dag_processor',
          isHealthy: environment.clock.now() - passed.at <= config.dagProcessor.dagProcessorHealthCheckThreshold * 1000,
          lastBeatAt: passed.at,
          reason: null,
        }),
      },
      stopping.signal,
    )
    // Schedulers hear of commits from the database.
    const moves = { ...context, wake: () => undefined }
    const onPass = (): void => void (passed.at = environment.clock.now())
    const processor = startDagProcessor(installation, { ...options, moves, onPass }, stopping.signal)
    const component = followParts([processor, health], stopping, () => database.close())
    await firstDagsOr(component.finished, processor.firstPass, environment)
    return { ...component, healthUrl: health.url }
  })
}
