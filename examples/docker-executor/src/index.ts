export { DockerExecutor } from './docker-executor.js'
export type { DockerSettings, DockerTaskConfig } from './settings.js'
