import { startApi, type ApiPart } from './api-part.ts'
import { followParts, type Component, type ComponentOptions, type Part } from './component.ts'
import { firstDagsOr, startDagProcessor, type ParseProcess } from './dag-processor-part.ts'
import { schedulerViews } from './executor-views.ts'
import { openIdleExecutors } from './idle-executors.ts'
import { inInstallation, type Installation } from './installation.ts'
import { createScheduler, runScheduler } from './scheduler-part.ts'
import { startTraces } from './traces-part.ts'
import { ownAddresses } from './worker-addresses.ts'

/** Everything of a server in one process: scheduler, dispatch, API and Dag processor over one database. */

/** What a standalone server is made of. */
export interface StandaloneOptions extends ComponentOptions, ParseProcess {}

/** A server that runs. */
export interface Standalone extends Component {
  readonly url: string
  /** Where the generated password is; null when another home folder has it. */
  readonly passwordFile: string | null
}

/** Starts a server. A failure on the way leaves nothing open. */
export function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  return inInstallation(options, (installation) => startIn(installation, options))
}

async function startIn(installation: Installation, options: StandaloneOptions): Promise<Standalone> {
  const { config, runFolder, environment, database } = installation
  const stopping = new AbortController()
  const { signal } = stopping
  const served: { api: ApiPart | null } = { api: null }
  const addresses = ownAddresses(config, {
    socketPath: runFolder.apiSocket,
    url: () => served.api?.listening.url ?? '',
  })
  const scheduler = createScheduler(installation, addresses)
  const moves = scheduler.context
  const api = await startApi(
    installation,
    {
      moves,
      executors: schedulerViews(scheduler, openIdleExecutors(options.executors, installation, addresses)),
      socketPath: runFolder.apiSocket,
    },
    signal,
  )
  served.api = api
  const processor = startDagProcessor(installation, { ...options, moves }, signal)
  // Tasks may report until their executor has ended, so the API goes after the scheduler.
  const traces = startTraces(installation, signal)
  const parts: readonly Part[] = [processor, runScheduler(scheduler, installation, signal), api, ...traces]
  const component = followParts(parts, stopping, () => database.close())
  await firstDagsOr(component.finished, processor.firstPass, environment)
  if (!signal.aborted) await api.announce()
  return { ...component, url: api.listening.url, passwordFile: api.passwordFile }
}
