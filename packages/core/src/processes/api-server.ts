import { startApi } from './api-part.ts'
import { followParts, type Component, type ComponentOptions } from './component.ts'
import { distantViews } from './executor-views.ts'
import { inInstallation, requireSharedDatabase } from './installation.ts'
import { ownAddresses } from './worker-addresses.ts'

/** Both APIs as a process of its own, beside others like it. */
export interface ApiServer extends Component {
  readonly url: string
  /** Where the generated password is; null when another home folder has it. */
  readonly passwordFile: string | null
}

/** Starts an API server. A failure on the way leaves nothing open. */
export async function startApiServer(options: ComponentOptions): Promise<ApiServer> {
  requireSharedDatabase(options, 'api-server')
  return inInstallation(options, async (installation) => {
    const { config, context, database, runFolder } = installation
    const stopping = new AbortController()
    const addresses = ownAddresses(config, { socketPath: runFolder.apiSocket, url: () => '' })
    const api = await startApi(
      installation,
      {
        // Schedulers hear of commits from the database.
        moves: { ...context, wake: () => undefined },
        executors: distantViews(installation, addresses),
        socketPath: null,
      },
      stopping.signal,
    )
    const component = followParts([api], stopping, () => database.close())
    await api.announce()
    return { ...component, url: api.listening.url, passwordFile: api.passwordFile }
  })
}
