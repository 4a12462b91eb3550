import type { StandardSchema } from '@fairlead/executor'
import { z } from 'zod'
import { OutsideExecutor } from './outside-executor.ts'

/** Passes over settings and options that it does not know. */
export class TakesAnySetting extends OutsideExecutor {
  static override readonly configSchema: StandardSchema = z.looseObject({})
  static override readonly executorConfigSchema: StandardSchema = z.looseObject({})
}
