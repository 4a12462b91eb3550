export { EcsExecutor } from './ecs-executor.ts'
