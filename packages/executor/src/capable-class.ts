import { DEFAULT_CAPABILITIES } from './capabilities.ts'
import type { StandardSchema } from './standard-schema.ts'

/** The static facts that every executor class inherits until it says otherwise: it cannot. */
export abstract class CapableClass {
  static readonly supportsCallbacks: boolean = DEFAULT_CAPABILITIES.supportsCallbacks
  static readonly supportsAdHocTiRun: boolean = DEFAULT_CAPABILITIES.supportsAdHocTiRun
  static readonly isLocal: boolean = DEFAULT_CAPABILITIES.isLocal
  static readonly isSingleThreaded: boolean = DEFAULT_CAPABILITIES.isSingleThreaded
  static readonly isProduction: boolean = DEFAULT_CAPABILITIES.isProduction
  static readonly servesLogs: boolean = DEFAULT_CAPABILITIES.servesLogs
  static readonly preAssignsExternalExecutorId: boolean = DEFAULT_CAPABILITIES.preAssignsExternalExecutorId
  static readonly sentryIntegration: string | null = DEFAULT_CAPABILITIES.sentryIntegration
  static readonly changeSensorModeToReschedule: boolean = DEFAULT_CAPABILITIES.changeSensorModeToReschedule
  static readonly supportsAdoption: boolean = DEFAULT_CAPABILITIES.supportsAdoption
  static readonly supportsCancel: boolean = DEFAULT_CAPABILITIES.supportsCancel
  static readonly servesLiveLogs: boolean = DEFAULT_CAPABILITIES.servesLiveLogs
  static readonly maxRuntimeMs: number | null = DEFAULT_CAPABILITIES.maxRuntimeMs
  static readonly maxPayloadBytes: number | null = DEFAULT_CAPABILITIES.maxPayloadBytes
  static readonly configSchema: StandardSchema | null = DEFAULT_CAPABILITIES.configSchema
  static readonly executorConfigSchema: StandardSchema | null = DEFAULT_CAPABILITIES.executorConfigSchema
}
