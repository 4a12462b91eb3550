import './dag-test/install.ts'
import type { ConfigFile } from '@fairlead/core/config'

/** What a Dag file imports. It never loads the server. */
export * from '@fairlead/sdk'
export type { ConfigFile }

/** Gives `fairlead.config.ts` its types, and keeps the names of its executors. */
export function defineConfig<const Name extends string>(config: ConfigWith<Name>): ConfigWith<Name> {
  return config
}

type ExecutorEntry = NonNullable<ConfigFile['executors']>[string]
type ConfigWith<Name extends string> = Omit<ConfigFile, 'executors'> & {
  /** Executors by the name that tasks use; the first one is the default. */
  readonly executors?: Readonly<Record<Name, ExecutorEntry>>
}
