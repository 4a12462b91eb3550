import type { StandardSchema } from '@fairlead/executor'
import { knownKeys } from './known-keys.ts'
import { OutsideExecutor } from './outside-executor.ts'

/** Passes over settings and options that it does not know. */
export class TakesAnySetting extends OutsideExecutor {
  static override readonly configSchema: StandardSchema = knownKeys(null)
  static override readonly executorConfigSchema: StandardSchema = knownKeys(null)
}
