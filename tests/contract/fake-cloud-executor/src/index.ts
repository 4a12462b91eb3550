export { FakeCloudExecutor } from './fake-cloud-executor.ts'
export { AllRoundExecutor, SmallExecutor } from './all-round-executor.ts'
