/** What the composition root starts and asks: configuration, the database and the processes. */
export {
  configurationReference,
  ConfigError,
  listConfig,
  loadConfig,
  processEnvironment,
  type Config,
  type ConfigRow,
} from './config/index.ts'
export {
  forgetSharedSecret,
  KeyFileError,
  ListenError,
  openRestTokens,
  readApiSecret,
  SharedSecretError,
} from './api/index.ts'
export { DatabaseError } from './db/database-error.ts'
export { sqliteVersion } from './db/database.ts'
export { migrate, migrationStatus, NEWEST_REVISION } from './db/migrate.ts'
export { NO_LOG, openLog, type Log } from './observability/index.ts'
export { startApiServer, type ApiServer } from './processes/api-server.ts'
export type { Component, ComponentOptions } from './processes/component.ts'
export { configuredExecutors, type ConfiguredExecutor } from './processes/configured-executors.ts'
export { startDagProcessorProcess, type DagProcessorProcess } from './processes/dag-processor.ts'
export type { ParseProcess } from './processes/dag-processor-part.ts'
export { runDagTest, throwawayConfig, type DagTest } from './processes/dag-test.ts'
export type { TestRunEnd, TestRunWatcher, TestedInstance } from './processes/follow-test-run.ts'
export { describeImportError, OneFileReader, scanDagsFolder } from './dag-processor/index.ts'
export type { ExecutorSource } from './processes/load-executor-class.ts'
export { loadExecutors, type LoadedExecutor } from './processes/load-executors.ts'
export { loadModule } from './processes/load-module.ts'
export { openInstallation } from './processes/open-installation.ts'
export { workerEnvironmentOf } from './processes/worker-environment.ts'
export { workerPlace, type WorkerPlace } from './processes/worker-place.ts'
export { startScheduler, type SchedulerProcess } from './processes/scheduler.ts'
export { readServerFile, type ServerFile } from './processes/server-file.ts'
export { startStandalone, type Standalone, type StandaloneOptions } from './processes/standalone.ts'
export { withIdleExecutor } from './processes/with-idle-executor.ts'
export { killingFaults, systemEnvironment } from './processes/system-environment.ts'
export { openTrialServer, type TrialServer } from './processes/trial-server.ts'
