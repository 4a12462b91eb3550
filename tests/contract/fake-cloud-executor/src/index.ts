export { FakeCloudExecutor } from './fake-cloud-executor.ts'
