/** Both HTTP APIs: REST for people, execution for workers. */
export type { ApiContext, App, ExecutorStatus } from './api-context.ts'
export { ensureAdminAccount } from './auth/admin-account.ts'
export { KeyFileError, openApiSecret, openWorkerCredential, readApiSecret } from './auth/key-file.ts'
export { openRestTokens } from './auth/rest-tokens.ts'
export { openExecutionTokens, type ExecutionTokens } from './execution/execution-tokens.ts'
export { ListenError, listen, type Listening } from './listen.ts'
export { readLogChunk } from './rest/log-file.ts'
export { buildApi, buildWorkerApi } from './build-api.ts'
