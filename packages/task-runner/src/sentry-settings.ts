import { z } from 'zod'

/**
 * What workers know of Sentry: the section `sentry` of the configuration, which comes to them in their environment and
 * goes to a task's process over its channel. It is never in a workload, whose reader need not be trusted with it.
 */
export interface SentrySettings {
  readonly dsn: string
  readonly environment: string | null
  readonly release: string | null
  /** `module#export` of what sees each event before it is sent, or null. */
  readonly beforeSend: string | null
  /** Further options of the SDK. */
  readonly options: Readonly<Record<string, unknown>>
  /** How long a task that has failed waits for its event to be sent. */
  readonly flushTimeoutMs: number
}

/** The settings that an executor's host has for its workers, or else an environment. Null where Sentry is off. */
export function sentrySettingsOf(
  workerEnvironment: Readonly<Record<string, string>> | undefined,
  environment: NodeJS.ProcessEnv,
): SentrySettings | null {
  const read = (key: string): string | null => {
    const name = `FAIRLEAD__SENTRY__${key}`
    return workerEnvironment?.[name] || environment[name] || null
  }
  const dsn = read('SENTRY_DSN')
  if (dsn === null || !ON.has((read('SENTRY_ON') ?? '').toLowerCase())) return null
  const seconds = Number(read('FLUSH_TIMEOUT') ?? DEFAULT_FLUSH_SECONDS)
  return {
    dsn,
    environment: read('ENVIRONMENT'),
    release: read('RELEASE'),
    beforeSend: read('BEFORE_SEND'),
    options: optionsIn(read('OPTIONS')),
    flushTimeoutMs: (Number.isFinite(seconds) ? seconds : DEFAULT_FLUSH_SECONDS) * 1000,
  }
}

const ON = new Set(['true', '1', 'yes'])
const DEFAULT_FLUSH_SECONDS = 2

function optionsIn(text: string | null): Readonly<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text ?? '{}'))
  } catch {
    return { [text ?? '']: undefined } // Named to the user as an option that is not known.
  }
}
