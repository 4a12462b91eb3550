import type { ExecutorHost, StandardSchema } from '@fairlead/executor'
import { LocalExecutor } from './local-executor.ts'
import { localSettingsSchema, type LocalSettings } from './settings.ts'

const sequentialSettingsSchema = localSettingsSchema.extend({
  // Only one can be taken at a time.
  spares: localSettingsSchema.shape.spares.unwrap().default(1),
})

/**
 * Runs one task at a time, the most urgent first, isolated as the LocalExecutor's are. For trying out and for Dags whose
 * tasks must never meet; not for production.
 */
export class SequentialExecutor extends LocalExecutor {
  static override readonly isSingleThreaded: boolean = true
  static override readonly isProduction: boolean = false
  static override readonly configSchema: StandardSchema = sequentialSettingsSchema

  protected override settingsOf({ settings }: ExecutorHost): LocalSettings {
    return sequentialSettingsSchema.parse(settings)
  }
}
