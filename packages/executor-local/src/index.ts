export { DebugExecutor } from './debug-executor.ts'
export { LocalExecutor } from './local-executor.ts'
export { SequentialExecutor } from './sequential-executor.ts'
export { localSettingsSchema, type LocalSettings } from './settings.ts'
