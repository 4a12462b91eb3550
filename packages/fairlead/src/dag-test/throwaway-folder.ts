import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { throwawayConfig, type Config } from '@fairlead/core'
import { loadConfiguration, type ConfigurationPlace } from '../load-configuration.ts'

/** Gives `work` the configuration of the place with a home of its own, which is gone when it ends. */
export async function inThrowawayFolder<T>(
  place: ConfigurationPlace,
  work: (throwaway: { readonly config: Config; readonly folder: string }) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  try {
    const config = await loadConfiguration({ ...place, env: { ...place.env, FAIRLEAD_HOME: folder } })
    return await work({ config: throwawayConfig(config, folder), folder })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
