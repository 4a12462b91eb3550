import type { ConfigFile } from '@fairlead/core/config'

/** What a Dag file imports. It never loads the server. */
export * from '@fairlead/sdk'
export type { ConfigFile }

/** Gives `fairlead.config.ts` its types. */
export function defineConfig(config: ConfigFile): ConfigFile {
  return config
}
