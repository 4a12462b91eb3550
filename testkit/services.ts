/** Services that some tests need. A missing one skips them and names the command that provides it. */

/** The one command that runs the tests with every service. */
export const SERVICES_COMMAND = 'node scripts/services.mjs run -- npm test'

/**
 * URL of a PostgreSQL server on which tests may create databases, or null where none is provided.
 * Throws instead of answering null when FAIRLEAD_REQUIRE_SERVICES=1.
 */
export function postgresUrl(): string | null {
  return serviceUrl('PostgreSQL', 'FAIRLEAD_TEST_POSTGRES_URL')
}

/** Name for a suite that needs a service: says why it is skipped and how to run it. */
export function needsService(name: string, url: string | null): string {
  return url === null ? `${name} (skipped; run it with: ${SERVICES_COMMAND})` : name
}

function serviceUrl(service: string, variable: string): string | null {
  const url = process.env[variable]
  if (url !== undefined && url !== '') return url
  if (process.env['FAIRLEAD_REQUIRE_SERVICES'] !== '1') return null
  throw new Error(`This test needs ${service} and ${variable} is not set. Provide it with: ${SERVICES_COMMAND}`)
}
