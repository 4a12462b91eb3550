export { BatchExecutor } from './batch-executor.ts'
export type { BatchSettings, BatchTaskConfig } from './batch-settings.ts'
