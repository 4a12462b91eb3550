export { BatchExecutor } from './batch-executor.ts'
