/** What a command line on the server's own machine needs to call it; loads nothing of the server. */
export { readApiSecret } from '../api/auth/key-file.ts'
export { openRestTokens } from '../api/auth/rest-tokens.ts'
export { readServerFile, type ServerFile } from './server-file.ts'
export { loadModule } from './load-module.ts'
export { configuredExecutors, type ConfiguredExecutor } from './configured-executors.ts'
export { loadExecutorClass } from './load-executor-class.ts'
