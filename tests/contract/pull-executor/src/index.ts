export { PullExecutor } from './pull-executor.ts'
