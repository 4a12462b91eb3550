export { LambdaExecutor } from './lambda-executor.ts'
export type { LambdaSettings, LambdaTaskConfig } from './lambda-settings.ts'
