import { environmentName, type Config } from '../config/index.ts'
import type { LoadedExecutor } from './load-executors.ts'

/**
 * What the workers of an executor are to find in their environment, beside what is there: how failures are told to
 * Sentry, where that is on and the executor supports it.
 */
export function workerEnvironmentOf(
  { executorClass }: Pick<LoadedExecutor, 'executorClass'>,
  config: Config,
): Readonly<Record<string, string>> {
  const { sentryOn, sentryDsn, environment, release, beforeSend, options, flushTimeout } = config.sentry
  if (!sentryOn || sentryDsn === '' || (executorClass.sentryIntegration ?? null) === null) return {}
  const values = { sentryOn, sentryDsn, environment, release, beforeSend, options, flushTimeout }
  const present = Object.entries(values).filter(([, value]) => value !== null)
  return Object.fromEntries(present.map(([key, value]) => [environmentName('sentry', key), String(value)]))
}
