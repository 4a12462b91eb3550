import { z } from 'zod'
import type { ConfigValues } from './schema.ts'

const executorEntrySchema = z.strictObject({
  /** Short name, `package#Class`, or `./file.ts#Class`. */
  executor: z.string().min(1),
  parallelism: z.int().min(1).optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
})

/** One executor of the `executors` map. */
export type ExecutorEntry = z.infer<typeof executorEntrySchema>

/** The rough shape of a configuration file; each key is checked by its own schema afterwards. */
export const configFileSchema = z.looseObject({ executors: z.record(z.string(), executorEntrySchema).optional() })

type Writable<S> = { readonly [K in keyof S]?: S[K] | undefined }

/** What `fairlead.config.ts` may export: any key of any section, and the executors by name. */
export type ConfigFile = { readonly [S in keyof ConfigValues]?: Writable<ConfigValues[S]> | undefined } & {
  /** Executors by the name that tasks use; the first one is the default. */
  readonly executors?: Readonly<Record<string, ExecutorEntry>> | undefined
}
