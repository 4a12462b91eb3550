export { LambdaExecutor } from './lambda-executor.ts'
