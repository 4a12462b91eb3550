import { ConfigError, type Config } from '../config/index.ts'

/** Where workers reach the API: on this machine, and on others. */
export interface WorkerAddresses {
  local(): string
  remote(): string
}

/** Addresses of a server with an API of its own: its socket here, and elsewhere what is configured or where it listens. */
export function ownAddresses(config: Config, api: { readonly socketPath: string; url(): string }): WorkerAddresses {
  return {
    local: () => configuredAddress(config) ?? `unix:${api.socketPath}`,
    remote: () => configuredAddress(config) ?? config.api.baseUrl ?? api.url(),
  }
}

/**
 * Addresses of a process whose API is another process.
 *
 * @throws {ConfigError} when none is configured.
 */
export function foreignAddresses(config: Config): WorkerAddresses {
  const address = configuredAddress(config) ?? config.api.baseUrl
  if (address === null) {
    throw new ConfigError(
      'Workers of a scheduler without an API of its own must be told where one is. Set api.base_url (FAIRLEAD__API__BASE_URL) to the address of an API server, such as http://127.0.0.1:8080.',
    )
  }
  return { local: () => address, remote: () => address }
}

/** Where workers of this machine reach the API, for one who does not know whether it is a process of its own. */
export function localAddress(config: Config, socketPath: string): string {
  return configuredAddress(config) ?? config.api.baseUrl ?? `unix:${socketPath}`
}

/** Airflow writes the address with the API's own path at its end. */
function configuredAddress({ core }: Config): string | null {
  return core.executionApiServerUrl?.replace(/(\/execution)?\/*$/, '') ?? null
}
