import type { TaskLog } from '@fairlead/sdk'
import type { TaskStart } from '../ipc.ts'

/** What options are made with. */
export interface SentryOptionParts {
  /** The function that `module#export` names. */
  load(name: string): Promise<unknown>
  /** The event without what the task must not tell. */
  mask(event: unknown): Promise<unknown>
  readonly log: TaskLog
}

/** Options that can be given as JSON. Others are functions, or would let the SDK end or observe the runner. */
const KNOWN = new Set([
  'attachStacktrace',
  'debug',
  'denyUrls',
  'dist',
  'enabled',
  'ignoreErrors',
  'includeLocalVariables',
  'maxBreadcrumbs',
  'maxValueLength',
  'normalizeDepth',
  'normalizeMaxBreadth',
  'sampleRate',
  'sendClientReports',
  'sendDefaultPii',
  'serverName',
  'shutdownTimeout',
])

/** The runner itself hears of errors that nobody caught, and ends the process. */
const LEFT_OUT = new Set(['OnUncaughtException', 'OnUnhandledRejection', 'ProcessSession'])

/** Options for the SDK's `init`: errors alone, no traces. What is not known is left out, and said so in the log. */
export async function sentryOptions(
  { settings, integration }: NonNullable<TaskStart['sentry']>,
  { load, mask, log }: SentryOptionParts,
): Promise<Readonly<Record<string, unknown>>> {
  const unknown = Object.keys(settings.options).filter((name) => !KNOWN.has(name))
  if (unknown.length > 0) log.warn('Sentry options are not supported and left out', { options: unknown })
  const known = Object.entries(settings.options).filter(([name]) => KNOWN.has(name))
  const own = await orWarned(() => integrationsOf(integration, load), [], { log, what: integration })
  const { beforeSend: name } = settings
  const beforeSend = name === null ? null : await orWarned(() => load(name), null, { log, what: name })
  return {
    ...Object.fromEntries(known),
    dsn: settings.dsn,
    ...(settings.environment === null ? {} : { environment: settings.environment }),
    ...(settings.release === null ? {} : { release: settings.release }),
    skipOpenTelemetrySetup: true,
    registerEsmLoaderHooks: false,
    integrations: (defaults: ReadonlyArray<{ readonly name: string }>) => [
      ...defaults.filter((one) => !LEFT_OUT.has(one.name)),
      ...own,
    ],
    // Masked last: nothing that the user's function adds leaves unmasked.
    beforeSend: async (event: unknown, hint: unknown) => {
      const seen = typeof beforeSend === 'function' ? ((await beforeSend(event, hint)) as unknown) : event
      return seen === null ? null : mask(seen)
    },
  }
}

/** The bare SDK is no integration to add. */
async function integrationsOf(integration: string, load: SentryOptionParts['load']): Promise<readonly unknown[]> {
  if (integration === '@sentry/node') return []
  const make = (await load(integration)) as () => unknown
  return [make()]
}

async function orWarned<T>(
  load: () => Promise<T>,
  fallback: T,
  { log, what }: { log: TaskLog; what: string },
): Promise<T> {
  try {
    return await load()
  } catch (error) {
    log.warn('a module for Sentry could not be loaded', { module: what, reason: String(error) })
    return fallback
  }
}
