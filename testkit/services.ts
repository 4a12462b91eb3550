/** Services that some tests need. A missing one skips them and names the command that provides it. */

/** The command that runs the tests with PostgreSQL. */
export const SERVICES_COMMAND = 'node scripts/services.mjs run -- npm test'
/** The command that runs the tests with moto, a second opinion of AWS, and with the service models of AWS. */
export const MOTO_COMMAND = 'node scripts/services.mjs run --moto -- npm test'
/** The command that runs the tests with PostgreSQL and a Docker engine. */
export const DOCKER_COMMAND = 'node scripts/services.mjs run --docker -- npm test'

/**
 * URL of a PostgreSQL server on which tests may create databases, or null where none is provided.
 * Throws instead of answering null when FAIRLEAD_REQUIRE_SERVICES=1.
 */
export function postgresUrl(): string | null {
  return serviceUrl('PostgreSQL', 'FAIRLEAD_TEST_POSTGRES_URL', SERVICES_COMMAND)
}

/**
 * Unix socket of a Docker engine in which tests may do what they like, or null where none is provided.
 * Throws instead of answering null when FAIRLEAD_REQUIRE_SERVICES=1.
 */
export function dockerSocket(): string | null {
  return serviceUrl('a Docker engine', 'FAIRLEAD_TEST_DOCKER_SOCKET', DOCKER_COMMAND)
}

/**
 * A Python that has moto's server and botocore, or null where none is provided. Throws instead of answering null when
 * FAIRLEAD_REQUIRE_SERVICES=1.
 */
export function motoPython(): string | null {
  return serviceUrl('moto', 'FAIRLEAD_TEST_MOTO_PYTHON', MOTO_COMMAND)
}

/** Folder of the service models of AWS that botocore brings along, or null where there is no botocore. */
export function awsServiceModels(): string | null {
  return serviceUrl('the service models of AWS', 'FAIRLEAD_TEST_AWS_MODELS', MOTO_COMMAND)
}

/** Name for a suite that needs a service: says why it is skipped and how to run it. */
export function needsService(name: string, url: string | null, command: string = SERVICES_COMMAND): string {
  return url === null ? `${name} (skipped; run it with: ${command})` : name
}

function serviceUrl(service: string, variable: string, command: string): string | null {
  const url = process.env[variable]
  if (url !== undefined && url !== '') return url
  if (process.env['FAIRLEAD_REQUIRE_SERVICES'] !== '1') return null
  throw new Error(`This test needs ${service} and ${variable} is not set. Provide it with: ${command}`)
}
